/*  The interleavings that a model checker found in an earlier form of the protocol, one test each and numbered as
 *  there. All run under the simulator's invariants: what a test asserts itself is what is particular to it.
 */
#include "script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static void hole_01_dryer_died_while_the_sink_was_away (void **state)
{
    scenario_t plan = script_plan (4, 300, 2, 0);
    world_t *world = script_begin (&plan);
    script_until_started (world, 1, 1);
    process_t *doomed = script_runner (world, 1);
    script_kill_sink (world, 400);
    process_kill (world, doomed, SEEN_BY_NOBODY);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (world->executions[1], 2);
}

static void hole_02_failure_was_acked_and_never_reached_the_washer (void **state)
{
    scenario_t plan = script_plan (2, 20, 1, 0);
    plan.retries = 2;
    plan.work[1] = (work_t){.kind = WORK_FAILS, .times = 1, .lasts_ms = 20};
    world_t *world = script_begin (&plan);
    script_lose (world, PROC_SINK, MSG_FAILED, 1000);
    script_until_sent (world, PROC_SINK, MSG_FAILED);
    script_pass (world, 900); // the dryer has its ack by then
    assert_true (script_lost (world) > 0);
    script_kill_sink (world, 100);
    script_lose (world, PROC_SINK, MSG_FAILED, 0);
    assert_int_equal (script_end (world), END_JOINED);
    assert_true (world->executions[1] >= 2);
}

static void hole_02_returned_was_acked_and_never_reached_the_washer (void **state)
{
    scenario_t plan = script_plan (3, 1500, 1, 2);
    world_t *world = script_begin (&plan);
    script_until_started (world, 1, 1);
    world_start (world, world->now_ms, PROC_DRYER, 0); // an idle one: what waits at the other is asked back
    script_lose (world, PROC_SINK, MSG_RETURNED, 1000);
    script_until_sent (world, PROC_SINK, MSG_RETURNED);
    script_pass (world, 900);
    script_kill_sink (world, 100);
    script_lose (world, PROC_SINK, MSG_RETURNED, 0);
    assert_int_equal (script_end (world), END_JOINED);
    for (int n = 1; n <= 3; n++)
        assert_int_equal (world->executions[n], 1);
}

static void hole_03_eof_outlives_the_sink (void **state)
{
    scenario_t plan = script_plan (1, 1500, 1, 0);
    world_t *world = script_begin (&plan);
    script_until_started (world, 1, 1);
    while (!world->journal.eof)
        script_pass (world, 10);
    process_kill (world, script_washer (world), SEEN_BY_WIRE);
    script_pass (world, 600);
    script_kill_sink (world, 100);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (world->executions[1], 1);
}

static void hole_04_keep_order_and_a_redelivery (void **state)
{
    scenario_t plan = script_plan (8, 20, 2, 2);
    plan.order_window = 3;
    plan.work[3].lasts_ms = 400;
    world_t *world = script_begin (&plan);
    script_until_started (world, 3, 1);
    script_until_counted (world, 2);
    script_pass (world, 100);
    process_kill (world, script_runner (world, 3), SEEN_BY_PARENT);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (world->executions[3], 2);
}

//  The last lane of a dryer.
static int lane_of (const world_t *world, const process_t *dryer)
{
    for (int i = world->lane_count - 1; i >= 0; i--)
        if (world->lanes[i]->dryer == dryer->life && world->lanes[i]->open)
            return i;
    fail_msg ("no lane");
    return -1;
}

static void hole_05_new_lane_and_a_lost_message (void **state)
{
    scenario_t plan = script_plan (12, 30, 1, 4);
    world_t *world = script_begin (&plan);
    for (int n = 1; n <= 5; n += 2) {
        script_until_started (world, (uint64_t)n, 1);
        script_until_sent (world, PROC_WASHER, MSG_TASKS); // and it is under way
        int lane = lane_of (world, script_dryer (world, 0));
        lanes_reset (world, lane, true);
        world->lanes[lane]->wire.cut = world->lanes[lane]->wire.sent; // lost
        script_pass (world, 40);
    }
    assert_int_equal (script_end (world), END_JOINED);
    for (int n = 1; n <= 12; n++)
        assert_int_equal (world->executions[n], 1);
}

static void hole_06_an_older_connection_is_read_in_turn_with_the_newer (void **state)
{
    scenario_t plan = script_plan (30, 10, 1, 2);
    world_t *world = script_begin (&plan);
    process_t *dryer = NULL;
    for (int n = 3; n <= 24; n += 3) {
        script_until_sent (world, PROC_DRYER, MSG_DONE);
        dryer = script_dryer (world, 0);
        net_reset (world, &dryer->to_sink, true);
        dryer->to_sink.cut = dryer->to_sink.sent + (n % 2);
        dryer->to_sink.hold_ms = world->now_ms + 25;
        world_at (world, world->now_ms + 1, EV_CONNECT_IN, dryer->id, 0, 0);
    }
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (script_dryers_lost (world), 0);
    for (int n = 1; n <= 30; n++)
        assert_int_equal (world->executions[n], 1);
}

static void hole_07_hello_is_repeated (void **state)
{
    scenario_t plan = script_plan (6, 50, 2, 1);
    world_t *world = script_begin (&plan);
    script_lose (world, PROC_SINK, MSG_WELCOME, 4);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (script_lost (world), 4);
    assert_int_equal (script_dryers_lost (world), 0);
}

static void hole_08_failed_answers_an_older_delivery (void **state)
{
    scenario_t plan = script_plan (3, 700, 2, 1);
    plan.retries = 3;
    plan.work[1] = (work_t){.kind = WORK_FAILS, .times = 1, .lasts_ms = 20};
    world_t *world = script_begin (&plan);
    script_until_sent (world, PROC_DRYER, MSG_FAILED);
    script_lose (world, PROC_SINK, MSG_BEAT, 1000); // no ack
    script_until_sent (world, PROC_SINK, MSG_FAILED);
    script_until_started (world, 1, 2);
    script_kill_sink (world, 50); // the dryer says FAILED again, to the new one
    script_lose (world, PROC_SINK, MSG_BEAT, 0);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (world->executions[1], 2);
}

static void hole_09_a_dryer_leaves_while_tasks_are_under_way_to_it (void **state)
{
    scenario_t plan = script_plan (6, 40, 2, 2);
    plan.delay_ms = 30;
    world_t *world = script_begin (&plan);
    script_until_sent (world, PROC_WASHER, MSG_TASKS);
    dryer_leave (script_dryer (world, 0)->dryer.core, world->now_ms);
    process_wake (world, script_dryer (world, 0), world->now_ms);
    assert_int_equal (script_end (world), END_JOINED);
    for (int n = 1; n <= 6; n++)
        assert_int_equal (world->executions[n], 1);
    assert_int_equal (world->decided.figures.lost, 0);
}

static void hole_09_a_leaving_dryer_is_not_given_its_tasks_back (void **state)
{
    scenario_t plan = script_plan (3, 2000, 1, 2);
    world_t *world = script_begin (&plan);
    script_until_started (world, 1, 1);
    script_pass (world, 50);
    process_t *leaver = script_dryer (world, 0);
    dryer_leave (leaver->dryer.core, world->now_ms);
    process_wake (world, leaver, world->now_ms);
    script_pass (world, 500);
    assert_int_equal (dryer_status (leaver->dryer.core).waiting, 0);
    uint64_t sent = washer_status (script_washer (world)->washer.core).sent;
    script_pass (world, 1000);
    assert_int_equal (washer_status (script_washer (world)->washer.core).sent, sent);
    world_start (world, world->now_ms, PROC_DRYER, 0);
    assert_int_equal (script_end (world), END_JOINED);
}

static void hole_10_the_last_message_is_lost (void **state)
{
    scenario_t plan = script_plan (2, 20, 1, 0);
    plan.observer_starts_ms = 0;
    world_t *world = script_begin (&plan);
    script_lose (world, PROC_SINK, MSG_JOINED, 3);
    assert_int_equal (script_end (world), END_JOINED);
    for (int i = 0; i < world->processes; i++)
        assert_int_not_equal (world->process[i]->ending.end, END_LOST);
}

static void hole_10_the_answer_to_bye_is_lost (void **state)
{
    scenario_t plan = script_plan (2, 20, 1, 0);
    world_t *world = script_begin (&plan);
    script_lose (world, PROC_SINK, MSG_GONE, 1000);
    assert_int_equal (script_end (world), END_JOINED);
    assert_true (world->now_ms < 5000);
}

static void hole_10_nothing_to_do (void **state)
{
    scenario_t plan = script_plan (0, 0, 1, 0);
    world_t *world = script_begin (&plan);
    assert_int_equal (script_end (world), END_JOINED);
    assert_true (world->now_ms < 3000);
}

static void hole_11_an_eof_belongs_to_the_life_that_said_it (void **state)
{
    scenario_t plan = script_plan (2, 300, 1, 0);
    plan.tasks = 1; // its input was cut
    world_t *world = script_begin (&plan);
    script_until_started (world, 1, 1);
    while (!world->journal.eof)
        script_pass (world, 5);
    process_kill (world, script_washer (world), SEEN_BY_WIRE);
    world->plan.tasks = 2;
    world_start (world, world->now_ms + 100, PROC_WASHER, -1);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (world->decided.figures.total, 2);
}

static void hole_11_what_an_older_life_sent_is_not_run_twice (void **state)
{
    scenario_t plan = script_plan (5, 400, 1, 3);
    world_t *world = script_begin (&plan);
    script_until_started (world, 1, 1);
    script_pass (world, 50);
    process_kill (world, script_washer (world), SEEN_BY_WIRE);
    world_start (world, world->now_ms + 50, PROC_WASHER, -1);
    assert_int_equal (script_end (world), END_JOINED);
    for (int n = 1; n <= 5; n++)
        assert_int_equal (world->executions[n], 1);
}

//  Kills the washer when the sink has acked its EOF; the next one has another input from this task on.
static end_t come_back_with_another_input (scenario_t *plan, uint64_t from)
{
    world_t *world = script_begin (plan);
    script_until_started (world, 1, 1);
    while (!script_washer (world)->washer.eof || world->told_bytes < work_bytes (world, plan->tasks))
        script_pass (world, 5);
    process_kill (world, script_washer (world), SEEN_BY_WIRE);
    world->changed_from = from;
    world->may_lose = from;
    world_start (world, world->now_ms + 50, PROC_WASHER, -1);
    return script_end (world);
}

static void hole_11_another_input_is_noticed (void **state)
{
    scenario_t plan = script_plan (40, 100, 1, 0);
    for (int durable = 0; durable < 2; durable++) {
        plan.durable = durable;
        assert_int_equal (come_back_with_another_input (&plan, 0), END_JOINED);
        assert_int_equal (come_back_with_another_input (&plan, 1), END_LOST);
        assert_int_equal (come_back_with_another_input (&plan, 40), END_LOST); // at the very end of it
    }
}

static void hole_11_a_washer_that_never_comes_back (void **state)
{
    scenario_t plan = script_plan (5, 400, 1, 0);
    plan.durable = false;
    world_t *world = script_begin (&plan);
    script_until_started (world, 2, 1);
    process_kill (world, script_washer (world), SEEN_BY_WIRE);
    world->plan.tasks = 100; // its EOF was not said
    world->may_lose = true;
    int64_t killed_ms = world->now_ms;
    end_t end = script_end (world);
    assert_true (end == END_LOST || end == END_JOINED);
    assert_true (world->now_ms - killed_ms < 2 * plan.grace_ms + 5000);
}

static void hole_12_a_poison_task_is_convicted_and_no_other (void **state)
{
    scenario_t plan = script_plan (12, 30, 1, 2);
    plan.dryer[0].slots = 4;
    plan.crash_limit = 2;
    plan.work[3] = (work_t){.kind = WORK_POISON, .lasts_ms = 10};
    world_t *world = script_begin (&plan);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (world->journal.figures.broken, 1);
    assert_int_equal (world->journal.figures.ok, 11);
    assert_true (world->executions[3] <= 3);
}

static void hole_13_a_stalled_reader_makes_no_flood (void **state)
{
    scenario_t plan = script_plan (40, 5, 2, 2);
    plan.output_bytes = plan.backlog_bytes = 4096;
    for (int n = 1; n <= 40; n++)
        plan.work[n].out_bytes = 1000;
    world_t *world = script_begin (&plan);
    world->printer.stalled_ms = 20000;
    script_pass (world, 1000);
    uint64_t messages = world->stats->messages;
    script_pass (world, 15000);
    assert_true (world->stats->messages - messages <= 15 * 4 * 6 + 6); // four beats a second, three peers, both ways
    assert_int_equal (script_dryers_lost (world), 0);
    assert_int_equal (script_end (world), END_JOINED);
}

static void hole_14_outputs_larger_than_the_window (void **state)
{
    scenario_t plan = script_plan (6, 5, 2, 1);
    plan.output_bytes = 1000;
    for (unsigned i = 0; i < 2; i++)
        plan.dryer[i].slots = 2;
    for (int n = 1; n <= 6; n++)
        plan.work[n].out_bytes = 200000, plan.work[n].err_bytes = 70000;
    world_t *world = script_begin (&plan);
    assert_int_equal (script_end (world), END_JOINED);
}

static void hole_15_control_does_not_wait_behind_outputs (void **state)
{
    scenario_t plan = script_plan (5, 5, 1, 3);
    plan.output_bytes = plan.backlog_bytes = 1000;
    plan.work[1].out_bytes = plan.work[2].out_bytes = 200000;
    plan.work[3].lasts_ms = 3000;
    world_t *world = script_begin (&plan);
    world->printer.stalled_ms = 10000;
    world->printer.backlog = 1;
    script_until_started (world, 3, 1);
    script_pass (world, 100);
    world_start (world, world->now_ms, PROC_DRYER, 0); // gets what the first one returns, though outputs wait there
    script_until_started (world, 5, 1);
    assert_true (world->now_ms < 3000);
    assert_int_equal (script_end (world), END_JOINED);
}

static void hole_16_a_second_pull_on_a_lane (void **state)
{
    scenario_t plan = script_plan (20, 20, 2, 3);
    world_t *world = script_begin (&plan);
    script_until_started (world, 2, 1);
    process_t *dryer = script_dryer (world, 0), *stray = script_dryer (world, 1);
    int lane = lane_of (world, dryer);
    world->lanes[lane]->stray = stray->id;
    script_pass (world, 150);
    lanes_notice (world, lane);
    assert_int_equal (script_end (world), END_JOINED);
    for (int n = 1; n <= 20; n++)
        assert_int_equal (world->executions[n], 1);
}

static void hole_16_no_topic_is_the_beginning_of_another (void **state)
{
    const uint64_t lives[] = {1, 0x31, 0x3130, 0x313030, UINT64_MAX};
    uint8_t topics[10][TOPIC_BYTES];
    for (int i = 0; i < 5; i++) {
        topic_encode (topics[2 * i], ROLE_DRYER, lives[i]);
        topic_encode (topics[2 * i + 1], ROLE_WASHER, lives[i]);
    }
    for (int i = 0; i < 10; i++)
        for (int k = 0; k < i; k++)
            assert_memory_not_equal (topics[i], topics[k], TOPIC_BYTES);
}

static void hole_17_the_sink_dies_around_its_commit (void **state)
{
    scenario_t plan = script_plan (6, 60, 2, 1);
    plan.commit_ms = 30;
    for (int n = 1; n <= 6; n++)
        plan.work[n].out_bytes = 50;
    world_t *world = script_begin (&plan);
    script_until_counted (world, 2); // durable, not yet told
    script_kill_sink (world, 50);
    assert_int_equal (script_end (world), END_JOINED);
    for (int n = 1; n <= 6; n++)
        assert_int_equal (world->executions[n], 1);
}

static void hole_18_another_run_stands_at_the_address (void **state)
{
    scenario_t plan = script_plan (6, 200, 1, 1);
    plan.durable = false;
    world_t *world = script_begin (&plan);
    script_until_counted (world, 2);
    world->may_lose = true;
    script_kill_sink (world, 100);
    script_pass (world, 1500);
    for (int i = 0; i < world->processes; i++)
        assert_true (world->process[i]->kind == PROC_SINK || !world->process[i]->alive ||
                     world->process[i]->born_ms > 500);
    sink_stop (script_sink (world)->sink.core, END_LOST, 125, world->now_ms);
    process_wake (world, script_sink (world), world->now_ms);
    assert_int_equal (script_end (world), END_LOST);
}

static void hole_19_a_sink_that_was_stopped_buries_nobody (void **state)
{
    scenario_t plan = script_plan (6, 1000, 2, 0);
    world_t *world = script_begin (&plan);
    script_until_started (world, 2, 1);
    script_stop (world, script_sink (world), 3000);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (script_dryers_lost (world), 0);
    assert_int_equal (world->decided.figures.lost, 0);
}

static void hole_19_what_was_done_before_the_death_counts (void **state)
{
    scenario_t plan = script_plan (4, 100, 1, 0);
    plan.delay_ms = 40;
    plan.dryer[0].supervised = true;
    world_t *world = script_begin (&plan);
    script_until_sent (world, PROC_DRYER, MSG_DONE);
    process_t *dryer = script_dryer (world, 0);
    process_kill (world, dryer, SEEN_BY_PARENT);
    dryer->to_sink.cut = dryer->to_sink.sent + 1; // all it said arrives, after the news of its death or before
    dryer->to_sink.hold_ms = 0;
    world_start (world, world->now_ms + 200, PROC_DRYER, 0);
    assert_int_equal (script_end (world), END_JOINED);
}

static void hole_20_a_broken_lane_is_no_death (void **state)
{
    scenario_t plan = script_plan (10, 200, 1, 2);
    world_t *world = script_begin (&plan);
    for (int n = 1; n <= 8; n++) {
        script_until_started (world, (uint64_t)n, 1);
        lanes_reset (world, lane_of (world, script_dryer (world, 0)), true);
    }
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (script_dryers_lost (world), 0);
    for (int n = 1; n <= 10; n++)
        assert_int_equal (world->executions[n], 1);
}

//  A sink with nothing around it.
static int nothing_to_commit (void *arg)
{
    return 0;
}

static void no_eof (void *arg, bool known, uint64_t total, uint64_t washer)
{
}

static void no_ending (void *arg, const ending_t *ending)
{
}

static void no_log (void *arg, const char *line)
{
}

static uint64_t made_known;

static void note_known (void *arg, const ranges_t *counted, uint64_t failed)
{
    made_known = counted->total;
}

//  With what it knows as counted: [1, counted].
static void say_hello_as_washer (sink_t *sink, uint64_t life, const char *name, uint64_t counted)
{
    writer_t out = {0};
    put_u8 (&out, ROLE_WASHER);
    put_text (&out, name);
    put_text (&out, "");
    put_u64 (&out, 0); // input
    put_u32 (&out, 0); // lanes
    put_u32 (&out, counted ? 1 : 0);
    if (counted) {
        put_u64 (&out, 1);
        put_u64 (&out, counted);
    }
    put_u64 (&out, 0); // failed
    message_t message = {
        .header = {.type = MSG_HELLO, .run = 7, .from = life, .to = 8}, .records = out.data, .records_size = out.size};
    sink_heard (sink, &message, 0);
    sink_tick (sink, 0);
    writer_free (&out);
}

//  The type of what the sink says to this life, the last of it.
static uint8_t answer_to (sink_t *sink, uint64_t life)
{
    uint8_t type = 0;
    for (packet_t packet; sink_packet (sink, &packet); packet_drop (&packet))
        if (packet.header.to == life)
            type = packet.header.type;
    return type;
}

static sink_t *lone_sink (const sink_restored_t *restored)
{
    sink_config_t config = {.run = 7, .life = 8, .endpoint = "in", .dead_after_ms = 1000, .wait_ms = 1000};
    sink_ports_t ports = {
        .commit = nothing_to_commit, .eof = no_eof, .ended = no_ending, .log = no_log, .known = note_known};
    return sink_new (&config, &ports, restored, 0);
}

static void hole_07_a_late_hello_of_an_older_life (void **state)
{
    sink_t *sink = lone_sink (NULL);
    say_hello_as_washer (sink, 100, "w", 0);
    assert_int_equal (answer_to (sink, 100), MSG_WELCOME);
    say_hello_as_washer (sink, 90, "w", 0);
    assert_int_equal (answer_to (sink, 90), MSG_GONE);
    assert_int_equal (sink_state (sink), SINK_OPEN);
    say_hello_as_washer (sink, 100, "w", 0);
    assert_int_equal (answer_to (sink, 100), MSG_WELCOME);
    sink_destroy (&sink);
}

static void hole_11_a_new_life_waits_while_the_old_one_is_heard (void **state)
{
    sink_t *sink = lone_sink (NULL);
    say_hello_as_washer (sink, 100, "w", 0);
    assert_int_equal (answer_to (sink, 100), MSG_WELCOME);
    say_hello_as_washer (sink, 110, "w", 0);
    assert_int_equal (answer_to (sink, 110), 0);
    sink_disconnected (sink, 100, 0);
    say_hello_as_washer (sink, 110, "w", 0);
    assert_int_equal (answer_to (sink, 110), MSG_WELCOME);
    sink_destroy (&sink);
}

//  A power cut took the journal's last commit, and the washer was told of it.
static void hole_17_the_washer_knows_what_the_journal_lost (void **state)
{
    sink_restored_t restored = {.washer_name = "w", .eof = true, .total = 3, .eof_life = 100, .figures = {.ok = 2}};
    assert_int_equal (ranges_add (&restored.counted, 1, 2), 0);
    made_known = 0;
    sink_t *sink = lone_sink (&restored);
    say_hello_as_washer (sink, 100, "w", 3);
    assert_int_equal (made_known, 3); // so that it is durable before the end is
    assert_int_equal (sink_ending (sink)->end, END_JOINED);
    assert_int_equal (sink_ending (sink)->figures.ok, 3);
    answer_to (sink, 100); // takes what it has to say
    sink_destroy (&sink);
    ranges_free (&restored.counted);
}

static void hole_21_a_second_washer_is_refused (void **state)
{
    sink_t *sink = lone_sink (NULL);
    say_hello_as_washer (sink, 100, "w", 0);
    assert_int_equal (answer_to (sink, 100), MSG_WELCOME);
    say_hello_as_washer (sink, 110, "all", 0);
    assert_int_equal (answer_to (sink, 110), MSG_REFUSED);
    assert_int_equal (sink_state (sink), SINK_OPEN);
    sink_destroy (&sink);
}

static void hole_21_dropped_and_broken_tasks_are_in_the_tally (void **state)
{
    scenario_t plan = script_plan (4, 10, 1, 0);
    plan.work[2] = (work_t){.kind = WORK_DROPPED};
    plan.work[4] = (work_t){.kind = WORK_POISON};
    world_t *world = script_begin (&plan);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (world->decided.figures.dropped, 1);
    assert_int_equal (world->decided.figures.broken, 1);
    assert_int_equal (world->decided.status, 2);
}

static void hole_22_no_credit_leaks (void **state)
{
    scenario_t plan = script_plan (60, 30, 3, 2);
    world_t *world = script_begin (&plan);
    for (int n = 5; n <= 45; n += 10) {
        script_until_counted (world, (uint64_t)n);
        process_t *dryer = script_runner (world, script_washer (world)->washer.fed);
        for (uint64_t k = 1; !dryer && k <= 60; k++)
            dryer = script_runner (world, k);
        assert_non_null (dryer);
        process_kill (world, dryer, SEEN_BY_PARENT);
        world_start (world, world->now_ms, PROC_DRYER, 0);
    }
    script_until_counted (world, 60);
    assert_true (washer_status (script_washer (world)->washer.core).out < 12);
    assert_int_equal (script_end (world), END_JOINED);
}

static void hole_23_a_dryer_without_a_sink_starts_nothing_more (void **state)
{
    scenario_t plan = script_plan (12, 400, 1, 4);
    world_t *world = script_begin (&plan);
    script_until_started (world, 1, 1);
    script_pass (world, 50);
    process_t *zombie = script_dryer (world, 0);
    zombie->to_sink.blocked_ms = zombie->from_sink.blocked_ms = zombie->harmed_ms = world->now_ms + 4000;
    script_pass (world, 1600); // dead-after, and what it may have begun just before
    uint64_t started = dryer_status (zombie->dryer.core).started;
    script_pass (world, 2000);
    assert_int_equal (dryer_status (zombie->dryer.core).started, started);
    assert_int_equal (script_end (world), END_JOINED);
}

static void hole_23_a_closed_life_stays_closed_after_a_sink_restart (void **state)
{
    scenario_t plan = script_plan (6, 1000, 2, 0);
    world_t *world = script_begin (&plan);
    script_until_started (world, 2, 1);
    process_t *zombie = script_runner (world, 1);
    script_stop (world, zombie, 2500);
    script_until_sent (world, PROC_SINK, MSG_DRYER_DOWN);
    script_pass (world, 50);
    script_kill_sink (world, 200);
    assert_int_equal (script_end (world), END_JOINED);
    assert_true (zombie->lost);
}

static void hole_24_a_recall_of_what_has_started (void **state)
{
    scenario_t plan = script_plan (3, 200, 2, 2);
    plan.jitter_ms = 3;
    world_t *world = script_begin (&plan);
    assert_int_equal (script_end (world), END_JOINED);
    for (int n = 1; n <= 3; n++)
        assert_int_equal (world->executions[n], 1);
    assert_int_equal (script_dryers_lost (world), 0);
}

//  Which dryer is kept for suspects is no promise: it may be busy for hours, when another is idle.
static void suspects_do_not_wait_for_a_long_task_beside_an_idle_dryer (void **state)
{
    scenario_t plan = script_plan (2, 20, 2, 0);
    plan.work[1].lasts_ms = 300;
    plan.work[2].lasts_ms = 20000;
    world_t *world = script_begin (&plan);
    script_until_started (world, 1, 1);
    script_until_started (world, 2, 1);
    process_kill (world, script_runner (world, 1), SEEN_BY_PARENT);
    script_pass (world, 800); // its loss is known, and the other one is all that there is
    assert_int_equal (world->executions[1], 1);
    world_start (world, world->now_ms, PROC_DRYER, 0);
    script_pass (world, 400);
    assert_int_equal (world->executions[1], 2);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (world->executions[2], 1);
}

//  The first life of the washer's dryer `nth`: no lane to it can be connected for so long.
static process_t *walled (world_t *world, int nth, int64_t lasts_ms)
{
    process_t *dryer = script_dryer (world, nth);
    lanes_wall (world, dryer, world->now_ms + lasts_ms);
    return dryer;
}

//  S39
static void hole_20_a_lane_that_cannot_be_made_gives_its_tasks_to_others (void **state)
{
    scenario_t plan = script_plan (8, 100, 2, 2);
    world_t *world = script_begin (&plan);
    script_pass (world, 0);
    process_t *dryer = walled (world, 0, 10000);
    while (world->journal.counted.total < 8)
        script_pass (world, 10);
    assert_true (world->now_ms < 3000);
    assert_int_equal (dryer_status (dryer->dryer.core).started, 0);
    assert_int_equal (script_washer (world)->washer.said, 1);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (script_dryers_lost (world), 0);
    for (int n = 1; n <= 8; n++)
        assert_int_equal (world->executions[n], 1);
}

static void hole_20_a_lane_that_could_not_be_made_is_tried_again (void **state)
{
    scenario_t plan = script_plan (4, 100, 1, 0);
    world_t *world = script_begin (&plan);
    script_pass (world, 0);
    walled (world, 0, 5500);
    script_pass (world, 5400);
    assert_int_equal (script_washer (world)->washer.said, 1); // though it was tried more than once
    assert_int_equal (washer_status (script_washer (world)->washer.core).out, 0);
    assert_int_equal (script_end (world), END_JOINED);
    assert_true (world->now_ms < 5500 + 2 * plan.dead_after_ms + 1500);
    assert_int_equal (script_dryers_lost (world), 0);
    for (int n = 1; n <= 4; n++)
        assert_int_equal (world->executions[n], 1);
}

//  S40
static void hole_20_what_a_lane_has_brought_before_runs_on (void **state)
{
    scenario_t plan = script_plan (5, 50, 2, 2);
    plan.work[1].lasts_ms = 4000;
    plan.dryer[1].starts_ms = 1000;
    world_t *world = script_begin (&plan);
    script_until_started (world, 1, 1);
    script_pass (world, 20);
    process_t *dryer = walled (world, 0, 20000); // with the first running and two behind it
    assert_int_equal (dryer_status (dryer->dryer.core).waiting, 2);
    while (!world->journal.known[2] || !world->journal.known[3])
        script_pass (world, 10);
    assert_true (world->now_ms < 3000);
    assert_false (world->journal.known[1]);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (script_dryers_lost (world), 0);
    for (int n = 1; n <= 5; n++)
        assert_int_equal (world->executions[n], 1);
}

static void hole_20_a_lane_that_breaks_again_and_again_is_given_up (void **state)
{
    scenario_t plan = script_plan (5, 50, 2, 2);
    plan.work[1].lasts_ms = 4000;
    plan.dryer[1].starts_ms = 2500;
    world_t *world = script_begin (&plan);
    script_until_started (world, 1, 1);
    script_pass (world, 20);
    process_t *dryer = script_dryer (world, 0);
    for (int i = 0; i < 30 && !script_washer (world)->washer.said; i++) {
        for (int lane = 0; lane < world->lane_count; lane++)
            if (world->lanes[lane]->dryer == dryer->life && world->lanes[lane]->open)
                lanes_reset (world, lane, true);
        script_pass (world, 300);
    }
    assert_int_equal (script_washer (world)->washer.said, 1);
    assert_true (world->now_ms < 3000);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (script_dryers_lost (world), 0);
    for (int n = 1; n <= 5; n++)
        assert_int_equal (world->executions[n], 1);
}

static void hole_20_a_lane_that_was_given_up_outlives_the_sink (void **state)
{
    scenario_t plan = script_plan (5, 50, 1, 2);
    plan.work[1].lasts_ms = 1000;
    world_t *world = script_begin (&plan);
    script_until_started (world, 1, 1);
    script_pass (world, 20);
    walled (world, 0, 4000);
    script_lose (world, PROC_SINK, MSG_LANE, 1000); // with the order to close it
    while (!script_washer (world)->washer.said)
        script_pass (world, 10);
    script_kill_sink (world, 300);
    script_lose (world, PROC_SINK, MSG_LANE, 0);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (script_dryers_lost (world), 0);
    for (int n = 1; n <= 5; n++)
        assert_int_equal (world->executions[n], 1);
}

static void washer_says_that_no_dryer_has_come (void **state)
{
    scenario_t plan = script_plan (2, 50, 1, 0);
    plan.dryer[0].starts_ms = 12000;
    world_t *world = script_begin (&plan);
    script_pass (world, 4900);
    assert_int_equal (script_washer (world)->washer.said, 0);
    script_pass (world, 400);
    assert_int_equal (script_washer (world)->washer.said, 1);
    script_pass (world, 6000);
    assert_int_equal (script_washer (world)->washer.said, 1);
    assert_int_equal (script_end (world), END_JOINED);
}

//  ---- observers

static const process_t *find_observer (const world_t *world)
{
    for (int i = 0; i < world->processes; i++)
        if (world->process[i]->kind == PROC_OBSERVER)
            return world->process[i];
    fail_msg ("there is no observer");
    return NULL;
}

static void observer_before_any_washer (void **state)
{
    scenario_t plan = script_plan (3, 50, 1, 0);
    plan.observer_starts_ms = 0;
    plan.washer_starts_ms = 800;
    world_t *world = script_begin (&plan);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (find_observer (world)->ending.end, END_JOINED);
    assert_int_equal (find_observer (world)->ending.figures.ok, 3);
}

static void observer_in_the_middle_and_over_a_sink_restart (void **state)
{
    scenario_t plan = script_plan (4, 400, 1, 0);
    plan.observer_starts_ms = 500;
    plan.work[4] = (work_t){.kind = WORK_FAILS, .times = 9, .lasts_ms = 10};
    world_t *world = script_begin (&plan);
    script_until_started (world, 3, 1);
    script_kill_sink (world, 200);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (find_observer (world)->ending.end, END_JOINED);
    assert_int_equal (find_observer (world)->ending.status, 1);
}

static void observer_while_the_sink_lingers (void **state)
{
    scenario_t plan = script_plan (2, 20, 1, 0);
    world_t *world = script_begin (&plan);
    script_lose (world, PROC_DRYER, MSG_BYE, 1000);
    script_until_sent (world, PROC_SINK, MSG_JOINED);
    process_new (world, PROC_OBSERVER, NULL, -1);
    assert_int_equal (script_end (world), END_JOINED);
    assert_int_equal (find_observer (world)->ending.end, END_JOINED);
}

static void observer_of_another_run (void **state)
{
    scenario_t plan = script_plan (2, 200, 1, 0);
    plan.observer_starts_ms = 0;
    plan.observer_run = 12345;
    world_t *world = script_begin (&plan);
    script_pass (world, 100);
    assert_int_equal (find_observer (world)->ending.end, END_LOST);
    assert_false (find_observer (world)->alive);
    world->may_lose = true; // that one is
    assert_int_equal (script_end (world), END_JOINED);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (hole_01_dryer_died_while_the_sink_was_away),
        cmocka_unit_test (hole_02_failure_was_acked_and_never_reached_the_washer),
        cmocka_unit_test (hole_02_returned_was_acked_and_never_reached_the_washer),
        cmocka_unit_test (hole_03_eof_outlives_the_sink),
        cmocka_unit_test (hole_04_keep_order_and_a_redelivery),
        cmocka_unit_test (hole_05_new_lane_and_a_lost_message),
        cmocka_unit_test (hole_06_an_older_connection_is_read_in_turn_with_the_newer),
        cmocka_unit_test (hole_07_hello_is_repeated),
        cmocka_unit_test (hole_07_a_late_hello_of_an_older_life),
        cmocka_unit_test (hole_08_failed_answers_an_older_delivery),
        cmocka_unit_test (hole_09_a_dryer_leaves_while_tasks_are_under_way_to_it),
        cmocka_unit_test (hole_09_a_leaving_dryer_is_not_given_its_tasks_back),
        cmocka_unit_test (hole_10_the_last_message_is_lost),
        cmocka_unit_test (hole_10_the_answer_to_bye_is_lost),
        cmocka_unit_test (hole_10_nothing_to_do),
        cmocka_unit_test (hole_11_an_eof_belongs_to_the_life_that_said_it),
        cmocka_unit_test (hole_11_what_an_older_life_sent_is_not_run_twice),
        cmocka_unit_test (hole_11_another_input_is_noticed),
        cmocka_unit_test (hole_11_a_washer_that_never_comes_back),
        cmocka_unit_test (hole_11_a_new_life_waits_while_the_old_one_is_heard),
        cmocka_unit_test (hole_12_a_poison_task_is_convicted_and_no_other),
        cmocka_unit_test (hole_13_a_stalled_reader_makes_no_flood),
        cmocka_unit_test (hole_14_outputs_larger_than_the_window),
        cmocka_unit_test (hole_15_control_does_not_wait_behind_outputs),
        cmocka_unit_test (hole_16_a_second_pull_on_a_lane),
        cmocka_unit_test (hole_16_no_topic_is_the_beginning_of_another),
        cmocka_unit_test (hole_17_the_sink_dies_around_its_commit),
        cmocka_unit_test (hole_17_the_washer_knows_what_the_journal_lost),
        cmocka_unit_test (hole_18_another_run_stands_at_the_address),
        cmocka_unit_test (hole_19_a_sink_that_was_stopped_buries_nobody),
        cmocka_unit_test (hole_19_what_was_done_before_the_death_counts),
        cmocka_unit_test (hole_20_a_broken_lane_is_no_death),
        cmocka_unit_test (hole_21_a_second_washer_is_refused),
        cmocka_unit_test (hole_21_dropped_and_broken_tasks_are_in_the_tally),
        cmocka_unit_test (hole_22_no_credit_leaks),
        cmocka_unit_test (hole_23_a_dryer_without_a_sink_starts_nothing_more),
        cmocka_unit_test (hole_23_a_closed_life_stays_closed_after_a_sink_restart),
        cmocka_unit_test (hole_24_a_recall_of_what_has_started),
        cmocka_unit_test (suspects_do_not_wait_for_a_long_task_beside_an_idle_dryer),
        cmocka_unit_test (hole_20_a_lane_that_cannot_be_made_gives_its_tasks_to_others),
        cmocka_unit_test (hole_20_a_lane_that_could_not_be_made_is_tried_again),
        cmocka_unit_test (hole_20_what_a_lane_has_brought_before_runs_on),
        cmocka_unit_test (hole_20_a_lane_that_breaks_again_and_again_is_given_up),
        cmocka_unit_test (hole_20_a_lane_that_was_given_up_outlives_the_sink),
        cmocka_unit_test (washer_says_that_no_dryer_has_come),
        cmocka_unit_test (observer_before_any_washer),
        cmocka_unit_test (observer_in_the_middle_and_over_a_sink_restart),
        cmocka_unit_test (observer_while_the_sink_lingers),
        cmocka_unit_test (observer_of_another_run),
    };
    int failed = cmocka_run_group_tests (tests, NULL, NULL);
    script_forget ();
    return failed;
}
