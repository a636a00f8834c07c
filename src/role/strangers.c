#include "role/strangers.h"

static const char *what_is_wrong (const strangers_t *self, stranger_t kind)
{
    if (kind == STRANGER_SECOND)
        return "the lane has its peer";
    if (kind == STRANGER_BARE)
        return "no credential";
    return guard_kind (self->guard) == GUARD_COOKIE ? "wrong cookie" : "wrong key";
}

//  It may be one of us: no news for the operator.
static bool is_doubtful (stranger_t kind)
{
    return kind == STRANGER_STALE || kind == STRANGER_MUTE;
}

uint64_t strangers_look (strangers_t *self)
{
    uint64_t all = 0;
    for (spot_t spot = 0; spot < SPOTS; spot++)
        for (stranger_t kind = 0; kind < STRANGER_KINDS && *self->at[spot]; kind++) {
            uint64_t count = guard_refused (self->guard, spot, kind);
            all += count;
            if (!count || self->is_said || is_doubtful (kind))
                continue;
            self->is_said = true;
            talk_say (self->talk, TALK_NOTICE, "a stranger was refused at %s: %s; --status counts them", self->at[spot],
                      what_is_wrong (self, kind));
        }
    return all;
}
