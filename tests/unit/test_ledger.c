//  The ledger says of each task in which delivery it is out, as a plain array would.
#include "test_core_help.h"

#include "core/ledger.h"

enum { NUMBERS = 120, SHELVES = 3 };

typedef struct {
    ledger_t ledger;
    shelf_t shelves[SHELVES];
    uint64_t owner[NUMBERS], seqs[SHELVES], seed; // owner: shelf * 2^32 + seq; 0: not out
} model_t;

static void send (model_t *self)
{
    uint64_t n = 1 + below (&self->seed, NUMBERS - 1), count = 0, most = 1 + below (&self->seed, 12);
    while (count < most && n + count < NUMBERS && !self->owner[n + count])
        count++;
    if (!count)
        return;
    uint64_t shelf = below (&self->seed, SHELVES), seq = self->seqs[shelf] += 1 + below (&self->seed, 3);
    delivery_t *delivery = ledger_send (&self->ledger, &self->shelves[shelf], shelf + 1, seq, n, count);
    assert_non_null (delivery);
    assert_int_equal (delivery->left, count);
    for (uint64_t k = n; k < n + count; k++)
        self->owner[k] = (shelf << 32) + seq;
}

//  The first run of the same owner within [n, n + count)
static run_t find (const model_t *self, uint64_t n, uint64_t count)
{
    uint64_t end = n + count;
    while (n < end && !self->owner[n])
        n++;
    run_t run = {n, 0};
    while (run.n + run.count < end && self->owner[n] && self->owner[run.n + run.count] == self->owner[n])
        run.count++;
    return run;
}

//  What is found is no more than one delivery's; where two of its runs stand side by side, it may be less.
static run_t check_find (model_t *self, uint64_t n, uint64_t count)
{
    delivery_t *delivery;
    run_t found = ledger_find (&self->ledger, n, count, &delivery), model = find (self, n, count);
    assert_int_equal (delivery != NULL, model.count > 0);
    if (!delivery)
        return (run_t){0};
    assert_int_equal (found.n, model.n);
    assert_true (found.count > 0 && found.count <= model.count);
    assert_int_equal (((delivery->dryer - 1) << 32) + delivery->seq, self->owner[model.n]);
    return found;
}

static void clear (model_t *self)
{
    uint64_t n = 1 + below (&self->seed, NUMBERS - 1);
    run_t run = check_find (self, n, below (&self->seed, NUMBERS - n + 1));
    if (!run.count)
        return;
    uint64_t offset = below (&self->seed, run.count); // from the front, the middle or the end
    run = check_find (self, run.n + offset, 1 + below (&self->seed, run.count - offset));
    if (!run.count)
        return;
    assert_int_equal (ledger_clear (&self->ledger, run.n, run.count), 0);
    memset (self->owner + run.n, 0, run.count * sizeof *self->owner);
}

static void check_shelves (const model_t *self)
{
    uint64_t all = 0;
    for (uint64_t i = 0; i < SHELVES; i++) {
        uint64_t out = 0, seen = 0, last = 0;
        for (uint64_t n = 1; n < NUMBERS; n++)
            out += self->owner[n] && self->owner[n] >> 32 == i;
        for (const delivery_t *d = self->shelves[i].first; d; d = d->behind) {
            assert_true (d->seq > last && d->left > 0);
            assert_ptr_equal (shelf_find (&self->shelves[i], d->seq), d);
            last = d->seq;
            seen += d->left;
        }
        assert_int_equal (self->shelves[i].out, out);
        assert_int_equal (seen, out);
        assert_null (shelf_find (&self->shelves[i], self->seqs[i] + 1));
        all += out;
    }
    assert_int_equal (self->ledger.out, all);
}

static void test_ledger_is_an_array_of_owners (void **state)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        model_t *self = calloc (1, sizeof *self);
        self->seed = seed;
        for (int step = 0; step < 1500; step++) {
            if (below (&self->seed, 2))
                send (self);
            else
                clear (self);
            check_shelves (self);
        }
        ledger_free (&self->ledger);
        for (size_t i = 0; i < SHELVES; i++) {
            assert_null (self->shelves[i].first);
            assert_int_equal (self->shelves[i].out, 0);
        }
        free (self);
    }
}

static void test_the_empty_ledger (void **state)
{
    ledger_t ledger = {0};
    delivery_t *delivery = (delivery_t *)&ledger;
    assert_int_equal (ledger_find (&ledger, 1, UINT64_MAX - 1, &delivery).count, 0);
    assert_null (delivery);
    assert_null (shelf_find (&(shelf_t){0}, 1));
    ledger_free (&ledger);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_ledger_is_an_array_of_owners),
        cmocka_unit_test (test_the_empty_ledger),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
