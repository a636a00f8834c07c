//  options_limits: a bound that cannot be read is no bound; what then fails says so when a command is started.

#include "cmd/options_limits.h"

#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd/config.h"

enum { CPUS_MAX = 1 << 20, FILES_MAX = 1 << 19 };

//  The kernel refuses a set that is smaller than its own with EINVAL, so it grows until it fits.
uint32_t limits_cores (void)
{
    int rc = -1, count = 0;
    for (int cpus = CPU_SETSIZE; rc == -1 && cpus <= CPUS_MAX; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC (cpus);
        if (!set)
            break;
        rc = sched_getaffinity (0, CPU_ALLOC_SIZE (cpus), set);
        if (rc == 0)
            count = CPU_COUNT_S (CPU_ALLOC_SIZE (cpus), set);
        CPU_FREE (set);
    }
    long online = rc == 0 ? count : sysconf (_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : (uint32_t)online;
}

uint64_t limits_files (void)
{
    struct rlimit files;
    if (getrlimit (RLIMIT_NOFILE, &files) == -1 || files.rlim_max > FILES_MAX)
        return FILES_MAX;
    return files.rlim_max;
}

uint32_t limits_jobs (void)
{
    struct rlimit files;
    if (getrlimit (RLIMIT_NOFILE, &files) == -1 || files.rlim_max == RLIM_INFINITY)
        return CONFIG_JOBS_MAX;
    if (files.rlim_max < CONFIG_FDS_OWN)
        return 0;
    rlim_t jobs = (files.rlim_max - CONFIG_FDS_OWN) / CONFIG_FDS_A_JOB;
    return jobs < CONFIG_JOBS_MAX ? (uint32_t)jobs : CONFIG_JOBS_MAX;
}

//  The number in a file of the kernel; UINT64_MAX where there is none ("max", no such file).
static uint64_t s_number_in (const char *path)
{
    unsigned long long number = UINT64_MAX;
    FILE *file = fopen (path, "re");
    if (!file)
        return UINT64_MAX;
    if (fscanf (file, "%llu", &number) != 1)
        number = UINT64_MAX;
    fclose (file);
    return number;
}

uint32_t limits_all_jobs (void)
{
    struct rlimit processes;
    uint64_t bounds[] = {s_number_in ("/sys/fs/cgroup/pids.max"), s_number_in ("/proc/sys/kernel/pid_max"),
                         s_number_in ("/proc/sys/kernel/threads-max"), UINT64_MAX};
    if (getrlimit (RLIMIT_NPROC, &processes) == 0 && processes.rlim_cur != RLIM_INFINITY)
        bounds[3] = processes.rlim_cur;
    uint32_t jobs = limits_jobs ();
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (bounds[i] / 2 < jobs)
            jobs = bounds[i] < 2 ? 1 : (uint32_t)(bounds[i] / 2);
    return jobs;
}
