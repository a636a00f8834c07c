/*  The invariants: what must hold after every step, and when all is over. */
#include "sim.h"

#include <string.h>

//  ---- at each step

static void check_dryer (world_t *world, const process_t *self)
{
    if (!self->alive)
        return;
    dryer_status_t status = dryer_status (self->dryer.core);
    const dryer_plan_t *how = &self->dryer.how;
    size_t window = 4 * (size_t)how->grain + how->prefetch; // slots may have been four before
    if (how->paces)
        window += DRYER_PREFETCH_MOST;
    if (status.running + status.waiting > window * MAX_WASHERS)
        world_violated (world, "5: memory", "%s holds %zu + %zu tasks", process_name (self), status.running,
                        status.waiting);
}

static void check_washer (world_t *world, const process_t *self)
{
    if (!self->alive)
        return;
    uint64_t unsent = washer_unsent_tasks (self->washer.core);
    size_t out = washer_status (self->washer.core).out;
    if (unsent > (uint64_t)world->plan.queue + world->plan.chunk + out + 300)
        world_violated (world, "5: memory", "%llu tasks wait unsent", (unsigned long long)unsent);
    if (!unsent && !out && washer_held_bytes (self->washer.core) && self->washer.fed == world->plan.tasks &&
        washer_status (self->washer.core).counted == self->washer.fed)
        world_violated (world, "5: memory", "the washer holds %zu bytes of nothing",
                        washer_held_bytes (self->washer.core));
}

static void check_tally (world_t *world)
{
    const journal_t *journal = &world->journal;
    const figures_t *f = &journal->figures;
    if (f->ok + f->failed + f->broken + f->dropped != journal->counted.total)
        world_violated (world, "1: counted once", "%llu ok + %llu failed + %llu broken + %llu dropped are not %llu",
                        (unsigned long long)f->ok, (unsigned long long)f->failed, (unsigned long long)f->broken,
                        (unsigned long long)f->dropped, (unsigned long long)journal->counted.total);
}

void check_step (world_t *world, process_t *turned)
{
    if (turned->kind == PROC_DRYER)
        check_dryer (world, turned);
    else if (turned->kind == PROC_WASHER)
        check_washer (world, turned);
    else if (turned->kind == PROC_SINK)
        check_tally (world);
}

//  ---- what the sink counts

static bool same_output (const completion_t *completion, int stream, const uint8_t *bytes, size_t size, size_t whole)
{
    uint8_t expected[256];
    if (size != whole)
        return false;
    for (size_t at = 0; at < size; at += sizeof expected) {
        size_t count = size - at < sizeof expected ? size - at : sizeof expected;
        work_output (completion->n, completion->attempt, completion->dryer, stream, at, expected, count);
        if (memcmp (bytes + at, expected, count) != 0)
            return false;
    }
    return true;
}

static void check_output (world_t *world, const completion_t *c, const partial_t *partial)
{
    const work_t *work = &world->plan.work[c->n];
    const uint8_t *bytes[2] = {c->out, c->err};
    size_t size[2] = {c->out_size, c->err_size};
    const size_t whole[2] = {work->out_bytes, work->err_bytes};
    for (int i = 0; i < 2; i++) {
        if (c->pieces && partial) {
            bytes[i] = partial->bytes[i];
            size[i] = partial->size[i];
        }
        if (!same_output (c, i + 1, bytes[i], size[i], whole[i]))
            world_violated (world, "3: output", "stream %d of task %llu, attempt %u, has %zu of %zu bytes, or others",
                            i + 1, (unsigned long long)c->n, c->attempt, size[i], whole[i]);
    }
}

//  Lines that were shown as they came: in order within an attempt, none of another task.
static void check_lines (world_t *world, const partial_t *partial)
{
    uint64_t attempt = 0, line = 0;
    for (size_t at = 0; at + 16 <= partial->size[0]; at += 16) {
        uint64_t head, number;
        memcpy (&head, partial->bytes[0] + at, 8);
        memcpy (&number, partial->bytes[0] + at + 8, 8);
        if ((head & UINT32_MAX) != attempt)
            attempt = head & UINT32_MAX, line = 0;
        else if (number == 0)
            line = 0; // the same attempt again, after another sink or washer
        if (head >> 32 != partial->n || number != line++)
            world_violated (world, "3: output", "line %llu of task %llu is out of place", (unsigned long long)number,
                            (unsigned long long)partial->n);
    }
}

static void check_once (world_t *world, const completion_t *c, uint64_t n)
{
    const journal_t *journal = &world->journal;
    bool again = journal->known[n];
    for (size_t i = 0; i < journal->size; i++)
        again |= n >= journal->waiting[i].n && n < journal->waiting[i].n + journal->waiting[i].count;
    if (again)
        world_violated (world, "1: counted once", "task %llu is counted again", (unsigned long long)n);
    const work_t *work = &world->plan.work[n];
    bool ran = c->outcome == TASK_OK || c->outcome == TASK_FAILED;
    if (ran && c->count > 1 && !world->plan.streams && (work->out_bytes || work->err_bytes))
        world_violated (world, "3: output", "that of task %llu is absent", (unsigned long long)n);
    if (ran && work_status (world, n, c->attempt) != c->status)
        world_violated (world, "1: counted once", "task %llu, attempt %u, has the status %u of another",
                        (unsigned long long)n, c->attempt, c->status);
    if (ran && !world->executions[n])
        world_violated (world, "1: counted once", "task %llu is counted and was never run", (unsigned long long)n);
    if ((c->outcome == TASK_DROPPED) != (work->kind == WORK_DROPPED))
        world_violated (world, "1: counted once", "task %llu has outcome %d", (unsigned long long)n, c->outcome);
}

static void check_window (world_t *world, const completion_t *c)
{
    const ranges_t *counted = &world->journal.counted;
    uint64_t low = counted->size && counted->runs[0].n == 1 ? counted->runs[0].count + 1 : 1;
    uint64_t window = world->plan.order_window;
    if (c->outcome == TASK_DROPPED || !window || c->n + c->count - 1 < low + window)
        return;
    world_violated (world, "5: memory", "task %llu is early by more than %llu", (unsigned long long)c->n,
                    (unsigned long long)window);
}

void check_completion (world_t *world, process_t *sink, const completion_t *c, partial_t *partial)
{
    if (!c->count || c->n < 1 || c->n + c->count - 1 > world->plan.tasks) {
        world_violated (world, "1: counted once", "tasks %llu + %llu were never put", (unsigned long long)c->n,
                        (unsigned long long)c->count);
        return;
    }
    if (world->before && c->n + c->count - 1 > chain_items (world))
        world_violated (world, "8: chain", "task %llu is no result of what was before", (unsigned long long)c->n);
    for (uint64_t n = c->n; n < c->n + c->count; n++)
        check_once (world, c, n);
    check_window (world, c);
    bool ran = c->outcome == TASK_OK || c->outcome == TASK_FAILED;
    if (ran && c->count == 1 && !world->plan.streams)
        check_output (world, c, partial);
    if (ran && world->plan.items && (c->values_size != WORK_NAME_BYTES || *c->values != *work_name (c->n)))
        world_violated (world, "3: bytes", "task %llu does not say what it was given", (unsigned long long)c->n);
    if (partial && world->plan.streams && world->sink_lives == 1) // another life of it sees the rest of them
        check_lines (world, partial);
    if (c->outcome == TASK_BROKEN && (!c->item || !work_check_item (world, c->n, 1, c->item)))
        world_violated (world, "3: bytes", "broken task %llu comes without its items", (unsigned long long)c->n);
}

static bool all_counted (const world_t *world)
{
    const journal_t *journal = &world->journal;
    uint64_t waiting = 0;
    for (size_t i = 0; i < journal->size; i++)
        waiting += journal->waiting[i].count;
    return journal->counted.total + waiting == world->plan.tasks;
}

void check_ended (world_t *world, const ending_t *ending)
{
    const figures_t *f = &ending->figures;
    if (world->decided_ms != -1 && world->decided.end == END_LOST)
        world->may_lose = true; // that was not durable: another life of the sink may find a better end
    else if (world->decided_ms != -1 && ending->end != world->decided.end)
        world_violated (world, "2: end", "it was decided as %d, and now as %d", world->decided.end, ending->end);
    const world_t *first = world->before;
    if (ending->end == END_JOINED && first && (first->decided_ms == -1 || first->decided.end != END_JOINED))
        world_violated (world, "8: chain", "joined before what was before it");
    if (ending->end == END_JOINED && !all_counted (world))
        world_violated (world, "2: end", "joined with %llu of %u tasks", (unsigned long long)f->total,
                        world->plan.tasks);
    if (ending->end == END_JOINED && f->ok + f->failed + f->broken + f->dropped != f->total)
        world_violated (world, "1: counted once", "%llu + %llu + %llu + %llu of %llu tasks", (unsigned long long)f->ok,
                        (unsigned long long)f->failed, (unsigned long long)f->broken, (unsigned long long)f->dropped,
                        (unsigned long long)f->total);
}

//  Never with two inputs in one, as far as the first was known; and never for nothing.
void check_input (world_t *world, const ending_t *ending, const char *reason)
{
    bool noticed = strstr (reason, "the input is not that of the run") != NULL;
    world->stats->noticed += noticed;
    if (noticed && !world->changed_from)
        world_violated (world, "7: input", "%s", reason);
    bool dropped = world->journal.figures.dropped; // what is gone cannot be read again
    if (ending->end == END_JOINED && world->changed_eof && !dropped && world->told_bytes > work_common_bytes (world))
        world_violated (world, "7: input", "joined, though another task %llu came, and %llu bytes were known",
                        (unsigned long long)world->changed_from, (unsigned long long)world->told_bytes);
}

//  ---- what is said

static void check_counted (world_t *world, reader_t *in, uint32_t count)
{
    while (count-- && !in->bad) {
        uint64_t n = get_u64 (in), many = get_u64 (in);
        get_u8 (in);
        for (uint64_t i = n; i < n + many && i <= world->plan.tasks; i++) {
            if (!world->journal.known[i])
                world_violated (world, "1: counted once", "COUNTED of task %llu before its commit",
                                (unsigned long long)i);
            world->told[i] = true;
        }
    }
}

static void check_down (world_t *world, reader_t *in)
{
    uint64_t life = get_u64 (in);
    process_t *dryer = process_of_life (world, life);
    if (dryer) {
        dryer->down = true;
        bool blamed = get_u8 (in);
        dryer->blamed |= blamed;
        if (blamed && dryer->alive && world->dryers_safe)
            world_violated (world, "4: executions", "%s lives, was heard, and was taken for dead",
                            process_name (dryer));
    }
    for (uint32_t n = 1; n <= world->plan.tasks; n++)
        if (world->journal.known[n] && world->journal.by[n] == life && !world->told[n])
            world_violated (world, "4: executions", "DRYER-DOWN before COUNTED of task %u", n);
}

//  What the sink has acked of the first input, it knows.
static void check_told (world_t *world, const process_t *washer, uint64_t ack)
{
    for (unsigned i = 0; !washer->washer.changed && i < washer->washer.told_size && i < TOLD_MOST; i++)
        if (washer->washer.told[i].hash <= ack && washer->washer.told[i].bytes > world->told_bytes)
            world->told_bytes = washer->washer.told[i].bytes;
}

static void note_told (process_t *washer, const packet_t *packet)
{
    message_t message = {.records = packet->records.data, .records_size = packet->records.size};
    reader_t in = reader_of (&message);
    for (uint32_t i = 0; i < packet->header.count; i++) {
        print_t *told = &washer->washer.told[washer->washer.told_size++ % TOLD_MOST];
        *told = (print_t){get_u64 (&in), packet->header.seq};
        get_u64 (&in); // the hash
    }
}

static void check_to_washer (world_t *world, process_t *to, const packet_t *packet)
{
    message_t message = {.records = packet->records.data, .records_size = packet->records.size};
    reader_t in = reader_of (&message);
    uint8_t type = packet->header.type;
    check_told (world, to, packet->header.ack);
    if (type == MSG_WELCOME)
        for (uint32_t n = 1; n <= world->plan.tasks; n++)
            world->told[n] |= world->journal.known[n] != 0;
    if (!packet->header.seq || packet->header.seq <= to->told_high)
        return;
    to->told_high = packet->header.seq;
    if (type == MSG_COUNTED)
        check_counted (world, &in, packet->header.count);
    else if (type == MSG_DRYER_DOWN)
        check_down (world, &in);
    else if (type == MSG_FAILED || type == MSG_RETURNED) {
        process_t *dryer = process_of_life (world, get_u64 (&in));
        if (dryer && dryer->down)
            world_violated (world, "4: executions", "%s of %s after its DRYER-DOWN", msg_name (type),
                            process_name (dryer));
    }
}

static void check_tasks (world_t *world, const packet_t *packet)
{
    message_t message = {.records = packet->records.data, .records_size = packet->records.size};
    reader_t in = reader_of (&message);
    process_t *to = process_of_life (world, packet->header.to);
    uint64_t n = get_u64 (&in), count = get_u64 (&in);
    for (uint64_t i = n; to && i < n + count && i <= world->plan.tasks; i++)
        to->touched[i / 64] |= 1ull << (i % 64);
}

//  The largest message that may go though its credit ends within it.
static uint64_t largest_output (const world_t *world)
{
    uint64_t largest = 1024; // a piece of a stream
    for (uint32_t n = 1; n <= world->plan.tasks; n++) {
        uint64_t bytes = world->plan.work[n].out_bytes + world->plan.work[n].err_bytes;
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

//  A dryer sends output as far as it has credit; what it has sent before goes again only to another life of the sink.
static void check_credit (world_t *world, process_t *from, const packet_t *packet)
{
    if (packet->header.seq <= from->told_high)
        return;
    from->told_high = packet->header.seq;
    from->output_bytes += packet->body.size;
    if (world->sink_lives == 1 && packet->body.size && from->output_bytes > from->granted + largest_output (world))
        world_violated (world, "5: memory", "%s has sent %llu bytes of output for a credit of %llu",
                        process_name (from), (unsigned long long)from->output_bytes, (unsigned long long)from->granted);
}

void check_packet (world_t *world, process_t *from, const packet_t *packet)
{
    if (from->kind == PROC_DRYER && packet->header.seq)
        check_credit (world, from, packet);
    if (from->kind == PROC_WASHER && packet->header.type == MSG_INPUT)
        note_told (from, packet);
    if (packet->wire == TO_LANE && packet->header.type == MSG_TASKS)
        check_tasks (world, packet);
    process_t *to = packet->wire == TO_PEER && packet->header.to ? process_of_life (world, packet->header.to) : NULL;
    bool end = packet->header.type == MSG_JOINED || packet->header.type == MSG_STOP;
    if (to && end && world->plan.ends_badly && !to->missed_end) {
        to->missed_end = true;
        world_at (world, world->now_ms, EV_MISS_END, to->id, 0, 0);
    }
    if (to && packet->header.credit > to->granted)
        to->granted = packet->header.credit;
    if (to && to->id == world->washer)
        check_to_washer (world, to, packet);
    bool joined = packet->header.type == MSG_JOINED && packet->records.size && packet->records.data[0] == END_JOINED;
    if (joined && world->journal.ending.end != END_JOINED)
        world_violated (world, "2: end", "JOINED is said before it is committed");
}

//  ---- when all is over

//  Dryers that were lost, or taken for lost, with this task; without those that a poisonous task of theirs ended.
static unsigned losses_of (const world_t *world, uint64_t n, bool all)
{
    unsigned losses = 0;
    for (int i = 0; i < world->processes; i++) {
        const process_t *dryer = world->process[i];
        bool lost = dryer->lost || dryer->blamed || dryer->ending.end == END_LOST;
        if (dryer->kind == PROC_DRYER && lost && dryer->touched[n / 64] >> (n % 64) & 1)
            losses += all || !dryer->crashed;
    }
    return losses;
}

static bool may_break (const world_t *world, uint64_t n)
{
    unsigned limit = world->plan.crash_limit;
    switch (world->plan.work[n].kind) {
    case WORK_POISON:
        return true;
    case WORK_POISON_ONCE:
        return limit == 1 || losses_of (world, n, true) >= limit;
    default:
        return losses_of (world, n, false) && losses_of (world, n, true) >= limit;
    }
}

static void check_outcome (world_t *world, uint32_t n)
{
    const journal_t *journal = &world->journal;
    const work_t *work = &world->plan.work[n];
    bool fails = work->kind == WORK_FAILS && work->times >= world->plan.retries;
    outcome_t is = (outcome_t)(journal->known[n] - 1);
    outcome_t due = work->kind == WORK_POISON    ? TASK_BROKEN
                    : work->kind == WORK_DROPPED ? TASK_DROPPED
                    : fails                      ? TASK_FAILED
                                                 : TASK_OK;
    if (is != due && !(is == TASK_BROKEN && may_break (world, n)))
        world_violated (world, "6: results", "task %u ended as %d, not as %d", n, is, due);
    unsigned losses = losses_of (world, n, true) + world->washer_lives - 1;
    if (world->executions[n] > 1 + world->failures[n] + losses)
        world_violated (world, "4: executions", "task %u ran %u times, with %u failures and %u losses", n,
                        world->executions[n], world->failures[n], losses);
    if (!losses && (is == TASK_OK || is == TASK_FAILED) && world->executions[n] != journal->attempt[n] &&
        world->sink_lives == 1)
        world_violated (world, "4: executions", "task %u ran %u times in %u attempts", n, world->executions[n],
                        journal->attempt[n]);
}

static void check_extra_runs (world_t *world)
{
    uint64_t extra = 0;
    for (uint32_t n = 1; n <= world->plan.tasks; n++)
        if (world->executions[n] > 1 + world->failures[n])
            extra += world->executions[n] - 1 - world->failures[n];
    world->stats->redelivered += world->journal.figures.redelivered;
    world->stats->duplicates += world->journal.figures.duplicates;
    world->stats->broken += world->journal.figures.broken;
    (void)extra;
}

//  With an order nothing that is counted is passed over, whatever became of the sink that counted it.
static void check_printed (world_t *world)
{
    const printer_t *printer = &world->printer;
    if (world->plan.order_window && printer->next != world->plan.tasks)
        world_violated (world, "3: output", "what follows task %llu is counted and was never printed",
                        (unsigned long long)printer->next);
}

static void check_joined (world_t *world)
{
    check_printed (world);
    for (uint32_t n = 1; n <= world->plan.tasks && !world->broken; n++)
        check_outcome (world, n);
    const figures_t *f = &world->decided.figures, *g = &world->journal.figures;
    if (f->total != world->plan.tasks || f->ok != g->ok || f->failed != g->failed || f->broken != g->broken ||
        f->dropped != g->dropped)
        world_violated (world, "1: counted once", "told %llu ok, %llu failed, %llu broken, %llu dropped of %llu",
                        (unsigned long long)f->ok, (unsigned long long)f->failed, (unsigned long long)f->broken,
                        (unsigned long long)f->dropped, (unsigned long long)f->total);
    uint64_t bad = f->failed + f->broken + f->dropped;
    if (world->before)
        bad += world->before->decided.status;
    if (!world->plan.halt_when && world->decided.status != (bad > 100 ? 101 : bad))
        world_violated (world, "6: results", "status %u with %llu failures", world->decided.status,
                        (unsigned long long)bad);
    check_extra_runs (world);
}

//  Whether a peer may have missed the end: it was cut off then or before, or it came when all was over.
static bool was_away (const world_t *world, const process_t *peer)
{
    int64_t margin_ms = world->plan.dead_after_ms + 2500;
    int64_t patience_ms = world->plan.durable ? world->plan.wait_ms : world->plan.dead_after_ms;
    if (peer->over_ms < world->decided_ms && peer->harmed_ms + patience_ms + margin_ms >= peer->over_ms)
        return true;
    return peer->harmed_ms + margin_ms >= world->decided_ms || peer->born_ms + margin_ms >= world->decided_ms;
}

static void check_peer_end (world_t *world, const process_t *peer)
{
    if (!peer->over || peer->kind == PROC_SINK || peer->ending.end == END_NONE)
        return;
    end_t end = peer->ending.end;
    if (end != END_LOST && end != world->decided.end)
        world_violated (world, "2: end", "%s says %d, the sink %d", process_name (peer), end, world->decided.end);
    if (end == END_LOST && world->decided.end != END_LOST && !was_away (world, peer) && !world->may_lose)
        world_violated (world, "2: end", "%s is lost though it was decided as %d", process_name (peer),
                        world->decided.end);
    if (end == END_JOINED && peer->ending.status != world->decided.status)
        world_violated (world, "6: results", "%s has status %u, the sink %u", process_name (peer), peer->ending.status,
                        world->decided.status);
}

static bool expected_end (const world_t *world)
{
    end_t end = world->decided.end;
    bool is_early = end == END_HALTED || end == END_DEADLINE;
    if (world->before && is_early && end == world->before->decided.end && all_counted (world))
        return true;
    switch (end) {
    case END_JOINED:
        return true;
    case END_HALTED:
        return world->plan.halt_when;
    case END_DEADLINE:
        return world->plan.deadline_ms;
    case END_INTERRUPTED:
        return world->is_broken_off;
    case END_LOST:
        return world->may_lose;
    case END_NONE:
        return world->may_lose;
    default:
        return false;
    }
}

void check_end (world_t *world)
{
    for (int i = 0; i < world->processes; i++)
        if (world->process[i]->alive) {
            world_violated (world, "2: end", "%s has not ended at %lld ms", process_name (world->process[i]),
                            (long long)world->now_ms);
            return;
        }
    if (!expected_end (world)) {
        world_violated (world, "2: end", "decided as %d", world->decided.end);
        return;
    }
    if (world->decided.end == END_JOINED)
        check_joined (world);
    for (int i = 0; i < world->processes && !world->broken && world->decided_ms != -1; i++)
        check_peer_end (world, world->process[i]);
}
