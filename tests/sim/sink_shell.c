/*  A sink's process: its core, the outputs that are not whole yet, and the loop around them. */
#include "core/array.h"
#include "sim.h"

#include <stdio.h>
#include <string.h>

static world_t *here;
static process_t *me;

static partial_t **find_partial (sink_shell_t *self, uint64_t dryer, uint64_t n)
{
    partial_t **at = &self->partials;
    while (*at && ((*at)->dryer != dryer || (*at)->n != n))
        at = &(*at)->next;
    return at;
}

static void remove_partial (partial_t **at)
{
    partial_t *gone = *at;
    *at = gone->next;
    free (gone->bytes[0]);
    free (gone->bytes[1]);
    free (gone);
}

void sink_partials_free (sink_shell_t *self)
{
    while (self->partials)
        remove_partial (&self->partials);
}

static void on_piece (void *arg, uint64_t dryer, uint64_t n, int stream, bool streamed, const void *tag,
                      size_t tag_size, const slice_t *bytes)
{
    partial_t **at = find_partial (&me->sink, dryer, n), *partial = *at;
    if (!partial) {
        *at = partial = calloc (1, sizeof *partial);
        if (!partial)
            abort ();
        partial->dryer = dryer;
        partial->n = n;
    }
    int i = stream == 2;
    if (array_reserve (&partial->bytes[i], &partial->capacity[i], partial->size[i] + bytes->size, 1) == -1)
        abort ();
    memcpy (partial->bytes[i] + partial->size[i], bytes->data, bytes->size);
    partial->size[i] += bytes->size;
    if (streamed != here->plan.streams)
        world_violated (here, "3: output", "a piece of task %llu is %sstreamed", (unsigned long long)n,
                        streamed ? "" : "not ");
}

static void on_drop (void *arg, uint64_t dryer, uint64_t n)
{
    for (partial_t **at = &me->sink.partials; *at;)
        if ((*at)->dryer == dryer && (!n || (*at)->n == n))
            remove_partial (at);
        else
            at = &(*at)->next;
}

static void on_completed (void *arg, const completion_t *completion)
{
    partial_t **at = find_partial (&me->sink, completion->dryer, completion->n);
    TRACE (here, "%s counts %llu + %llu, outcome %d, attempt %u", process_name (me), (unsigned long long)completion->n,
           (unsigned long long)completion->count, completion->outcome, completion->attempt);
    check_completion (here, me, completion, *at);
    if (*at)
        remove_partial (at);
    if (!here->broken)
        journal_add (here, completion);
}

static void on_eof (void *arg, bool known, uint64_t total, uint64_t washer)
{
    journal_t *journal = &here->journal;
    journal->eof_waits = true;
    journal->eof_known = known;
    journal->eof_total = total;
    journal->eof_by = washer;
    const process_t *from = process_of_life (here, washer);
    here->changed_eof = known && from && from->washer.changed;
}

static void on_before (void *arg, before_t before)
{
    here->journal.before_waits = true;
    here->journal.before_next = before;
}

static void on_ended (void *arg, const ending_t *ending)
{
    TRACE (here, "%s decides: %d, status %u, total %llu", process_name (me), ending->end, ending->status,
           (unsigned long long)ending->figures.total);
    here->journal.ending_waits = true;
    here->journal.ending_next = *ending;
    check_ended (here, ending);
    check_input (here, ending, sink_reason (me->sink.core));
    if (ending->end == END_LOST && here->decided_ms == -1) { // said without a commit
        here->decided = *ending;
        here->decided_ms = here->now_ms;
    }
}

static int on_commit (void *arg)
{
    return journal_commit (here, me);
}

static void on_trace (void *arg, const char *from, const char *event, const char *to)
{
    TRACE (here, "%s: %s -%s-> %s", process_name (me), from, event, to);
}

static void on_log (void *arg, const char *line)
{
    TRACE (here, "%s says: %s", process_name (me), line);
}

static void on_known (void *arg, const ranges_t *counted, uint64_t failed)
{
    journal_known (here, counted, failed);
}

static void on_washer (void *arg, const char *name, uint64_t life, uint64_t input_hash)
{
    here->journal.washer_next = life;
}

static int on_input (void *arg, uint64_t bytes, uint64_t hash)
{
    TRACE (here, "%s hears what %llu bytes of the input are", process_name (me), (unsigned long long)bytes);
    return journal_print (&here->journal, (print_t){bytes, hash});
}

static void enter (world_t *world, process_t *self)
{
    here = world;
    me = self;
}

static sink_config_t config_of (const world_t *world, const process_t *self)
{
    const scenario_t *plan = &world->plan;
    sink_config_t config = {.run = world->run,
                            .life = self->life,
                            .dead_after_ms = plan->dead_after_ms,
                            .wait_ms = plan->wait_ms,
                            .grace_ms = plan->grace_ms,
                            .deadline_ms = plan->deadline_ms,
                            .crash_limit = plan->crash_limit,
                            .order_window = plan->order_window,
                            .output_bytes = plan->output_bytes,
                            .backlog_bytes = plan->backlog_bytes,
                            .wants = plan->streams ? WANT_LINES : 0,
                            .durable = plan->durable,
                            .halt_when = (halt_when_t)plan->halt_when,
                            .halt_what = (halt_what_t)plan->halt_what,
                            .halt_count = plan->halt_count};
    snprintf (config.endpoint, sizeof config.endpoint, "in:%d", self->id);
    return config;
}

void sink_begin (world_t *world, process_t *self)
{
    enter (world, self);
    if (world->sink_lives++ == 0 || !world->plan.durable)
        world->run = self->life;
    sink_config_t config = config_of (world, self);
    sink_ports_t ports = {.piece = on_piece,
                          .drop = on_drop,
                          .completed = on_completed,
                          .eof = on_eof,
                          .before = on_before,
                          .ended = on_ended,
                          .commit = on_commit,
                          .trace = world->trace ? on_trace : NULL,
                          .log = on_log,
                          .known = on_known,
                          .washer = on_washer,
                          .input = world->plan.durable ? on_input : NULL};
    sink_restored_t restored = {0};
    bool again = world->sink_lives > 1 && world->plan.durable;
    if (again) {
        journal_restore (world, &restored);
        world->stats->restored++;
    }
    world->sink = self->id;
    self->sink.core = sink_new (&config, &ports, again ? &restored : NULL, world->now_ms);
    chain_begins (world);
    for (int i = 0; i < world->processes; i++) {
        world->process[i]->told_high = 0;
        world->process[i]->down = false;
        if (!world->process[i]->alive || world->process[i]->kind == PROC_SINK)
            continue;
        world_at (world, world->now_ms + rng_between (&world->rng, 0, 100), EV_CONNECT_OUT, i, 0, 0);
        if (world->plan.same_endpoint)
            world_at (world, world->now_ms + rng_between (&world->rng, 0, 100), EV_CONNECT_IN, i, 0, 0);
    }
}

//  The sink learns from a peer's first message on a new connection that it is back.
static void note_back (world_t *world, process_t *self, const parcel_t *parcel, uint64_t life)
{
    process_t *from = process_of_life (world, life);
    if (!from || from->announced || parcel->epoch != from->to_sink.epoch || !from->alive)
        return;
    from->announced = true;
    if (!self->sink.lives_gone[from->id])
        return;
    self->sink.lives_gone[from->id] = false;
    sink_reconnected (self->sink.core, life);
}

static void hear (world_t *world, process_t *self)
{
    parcel_t *parcel;
    while (net_read (self, &parcel)) {
        message_t message;
        if (net_decode (parcel, &message)) {
            note_back (world, self, parcel, message.header.from);
            sink_heard (self->sink.core, &message, world->now_ms);
        } else {
            sink_bad_message (self->sink.core);
        }
        net_free (world, parcel);
    }
}

static void flush (world_t *world, process_t *self)
{
    packet_t packet;
    while (sink_packet (self->sink.core, &packet))
        net_send (world, self, &packet);
}

static void look (world_t *world, process_t *self, const notice_t *notice)
{
    const process_t *dead = world->process[notice->process];
    if (notice->seen == SEEN_BY_PARENT && dead->dryer.how.supervised)
        sink_died (self->sink.core, notice->life, world->now_ms);
    else
        sink_disconnected (self->sink.core, notice->life, world->now_ms);
    self->sink.lives_gone[dead->id] = true;
}

void sink_sees (world_t *world, process_t *self, uint64_t life, process_t *dead, seen_t seen)
{
    sink_shell_t *shell = &self->sink;
    notice_t notice = {.life = life, .process = dead->id, .seen = (int)seen};
    if (shell->notices_count < MAX_NOTICES)
        shell->notices[shell->notices_count++] = notice;
    process_wake (world, self, world->now_ms + rng_between (&world->rng, 0, 3));
}

//  Who subscribes to `out` and has not been taken in yet.
static size_t guests (const world_t *world, const process_t *self)
{
    size_t count = 0;
    for (int i = 0; i < world->processes; i++) {
        const process_t *peer = world->process[i];
        count += peer->alive && peer->from_sink.up && !sink_knows (self->sink.core, peer->life);
    }
    return count;
}

void sink_turn (world_t *world, process_t *self)
{
    enter (world, self);
    sink_t *core = self->sink.core;
    hear (world, self);
    for (unsigned i = 0; i < self->sink.notices_count; i++)
        look (world, self, &self->sink.notices[i]);
    self->sink.notices_count = 0;
    sink_backlog (core, printer_backlog (world));
    sink_guests (core, guests (world, self));
    if (world->is_broken_off)
        sink_stop (core, END_INTERRUPTED, 130, world->now_ms);
    sink_tick (core, world->now_ms);
    if (self->busy_ms > world->now_ms) {
        process_wake (world, self, self->busy_ms); // in its commit; what it has to say comes after
        return;
    }
    flush (world, self);
    if (sink_failed (core) && !world->journal.full)
        world_violated (world, "5: memory", "the sink failed");
    if (sink_state (core) == SINK_OVER) {
        self->ending = *sink_ending (core);
        sink_status_t status = sink_status (core);
        world->stats->refused += status.refused;
        world->stats->bad += status.bad;
        process_over (world, self);
        return;
    }
    process_wake (world, self, sink_due_ms (core));
    process_wake (world, self, printer_due_ms (world));
}
