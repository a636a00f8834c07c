/*  dishes_hands: the same six dishes washed, dried and put away by different hands, and how long that takes.
 *
 *  Then the three fates of a wet dish for which the next hands are busy: it waits in the washer's hands, it is stacked,
 *  or it falls on the floor. The queue is bounded (opts.queue_tasks), and dishes_put with a timeout of 0 says at once
 *  that it is full: what then becomes of the dish is for the program to say.
 */
#include "common.h"

#include <stdbool.h>

enum { DISHES = 6, WASH_SECONDS = 2, DRY_SECONDS = 3, PUT_AWAY_SECONDS = 1, SHELF_PORT = 10 };

typedef enum { WAIT, STACK, DROP } fate_t;

typedef struct {
    const char *name;
    int dryers;     // threads that dry; 0: the washer does everything
    int shelvers;   // threads that put away, as a third stage; 0: who dries a dish puts it away
    uint64_t queue; // wet dishes that may be in other hands or on the way there; 0: any number
    fate_t fate;    // of one more
} way_t;

static const way_t s_ways[] = {
    {"one pair of hands, batch by batch", .dryers = 0},
    {"one helper", .dryers = 1},
    {"three helpers", .dryers = 3},
    {"one helper dries, one puts away", .dryers = 1, .shelvers = 1},
    {"one helper; wet dishes wait", .dryers = 1, .queue = 1, .fate = WAIT},
    {"one helper; wet dishes are stacked", .dryers = 1, .queue = 1, .fate = STACK},
    {"one helper; wet dishes are dropped", .dryers = 1, .queue = 1, .fate = DROP},
};

typedef struct {
    const way_t *way;
    kitchen_t kitchen;       // where wet dishes are put
    kitchen_t pantry;        // where dry ones are put, if there is a third stage
    char pantry_at[128];     // its address
    dishes_washer_t *drying; // puts into the pantry: the dryer of one stage is the washer of the next
    int stacked, dropped;    // by the washer
    uint64_t done;           // as the last sink counted
} crew_t;

//  ---- the hands

static int put_away (void *arg, dishes_task_t *task)
{
    const crew_t *crew = arg;
    be_busy (&crew->kitchen, PUT_AWAY_SECONDS);
    return 0;
}

//  First put, then done: were this hand lost in between, the dish would come twice to the pantry, and never not at all.
static int dry (void *arg, dishes_task_t *task)
{
    const crew_t *crew = arg;
    be_busy (&crew->kitchen, DRY_SECONDS);
    if (!crew->drying)
        return put_away (arg, task);
    return dishes_put (crew->drying, dishes_task_data (task), dishes_task_size (task), -1) == 0 ? 0 : 1;
}

static int put_dishes_away (void *arg)
{
    const crew_t *crew = arg;
    return dishes_run (crew->pantry.at, crew->way->shelvers, put_away, arg, NULL) == 0 ? 0 : complain ();
}

static int dry_dishes (void *arg)
{
    crew_t *crew = arg;
    if (crew->way->shelvers && !(crew->drying = dishes_washer_new (crew->pantry.at, NULL)))
        return complain ();
    int error = dishes_run (crew->kitchen.at, crew->way->dryers, dry, crew, NULL);
    if (crew->drying) {
        dishes_end (crew->drying);
        error |= dishes_join (crew->drying, -1);
    }
    int status = error ? complain () : 0;
    dishes_washer_destroy (&crew->drying);
    return status;
}

//  ---- the washer

static int hand_over (crew_t *crew, dishes_washer_t *washer, const char *dish)
{
    int error = dishes_put (washer, dish, strlen (dish), crew->way->fate == WAIT ? -1 : 0);
    if (error == 0 || errno != ETIMEDOUT)
        return error;
    *(crew->way->fate == STACK ? &crew->stacked : &crew->dropped) += 1;
    return 0;
}

static int wash (crew_t *crew, dishes_washer_t *washer)
{
    char dish[DISHES][8];
    for (int i = 0; i < DISHES; i++) {
        be_busy (&crew->kitchen, WASH_SECONDS);
        int stacked = crew->stacked;
        snprintf (dish[stacked], sizeof dish[0], "p%d", i + 1); // stays there if it is stacked
        if (hand_over (crew, washer, dish[stacked]) == -1)
            return -1;
    }
    for (int i = crew->stacked; i-- > 0;) // from the top
        if (dishes_put (washer, dish[i], strlen (dish[i]), -1) == -1)
            return -1;
    dishes_end (washer);
    return dishes_join (washer, -1);
}

static int wash_dishes (crew_t *crew)
{
    dishes_opts_t opts = {.size = sizeof opts, .queue_tasks = crew->way->queue};
    dishes_washer_t *washer = dishes_washer_new (crew->kitchen.at, &opts);
    int error = washer ? wash (crew, washer) : -1;
    dishes_washer_destroy (&washer);
    return error;
}

//  ---- the ways

//  Of two exit statuses.
static int worse (int a, int b)
{
    return a > b ? a : b;
}

static int do_alone (crew_t *crew)
{
    be_busy (&crew->kitchen, DISHES * WASH_SECONDS);
    be_busy (&crew->kitchen, DISHES * DRY_SECONDS);
    be_busy (&crew->kitchen, DISHES * PUT_AWAY_SECONDS);
    crew->done = DISHES;
    return 0;
}

static int do_together (crew_t *crew)
{
    bool has_pantry = crew->way->shelvers > 0;
    hand_t dryers, shelvers;
    hand_hire (&dryers, &crew->kitchen, dry_dishes, crew);
    if (has_pantry)
        hand_hire (&shelvers, &crew->pantry, put_dishes_away, crew);

    dishes_sink_t *sink = sink_open (&crew->kitchen), *pantry = sink && has_pantry ? sink_open (&crew->pantry) : NULL;
    if (!sink || (has_pantry && !pantry)) {
        dishes_sink_destroy (&sink);
        return complain ();
    }
    if (wash_dishes (crew) == -1) {
        complain ();
        dishes_sink_cancel (sink);
    }
    int status = sink_close (&sink, &crew->done);
    if (has_pantry)
        status = worse (worse (status, sink_close (&pantry, &crew->done)), hand_leave (&shelvers));
    return worse (status, hand_leave (&dryers));
}

//  The address of the third stage: another name, or another port.
static void find_pantry (crew_t *crew)
{
    const char *at = crew->kitchen.at, *colon = strrchr (at, ':');
    crew->pantry = crew->kitchen;
    crew->pantry.at = crew->pantry_at;
    if (strncmp (at, "tcp:", 4) == 0)
        snprintf (crew->pantry_at, sizeof crew->pantry_at, "%.*s:%d", (int)(colon - at), at,
                  atoi (colon + 1) + SHELF_PORT);
    else
        snprintf (crew->pantry_at, sizeof crew->pantry_at, "%s-pantry", at);
}

int main (int argc, char **argv)
{
    kitchen_t kitchen = {.at = "inproc://dishes_hands",
                         .scale = 0.05,
                         .about = "Six dishes are washed (2 s), dried (3 s) and put away (1 s) by different hands, and "
                                  "timed.\nOver tcp the third stage is at the port PORT + 10."};
    read_options (&kitchen, argc, argv);

    for (size_t i = 0; i < sizeof s_ways / sizeof *s_ways; i++) {
        crew_t crew = {.way = &s_ways[i], .kitchen = kitchen};
        find_pantry (&crew);
        double start = now ();
        int status = crew.way->dryers ? do_together (&crew) : do_alone (&crew);
        if (status)
            return status;
        printf ("%-36s %d put away, %d stacked, %d on the floor, %.2f s\n", crew.way->name, (int)crew.done,
                crew.stacked, crew.dropped, now () - start);
    }
    return 0;
}
