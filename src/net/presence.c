#include "net/presence.h"
#include "core/array.h"

enum { FD_MOST = 1 << 22, CLAIMS_MOST = 4096 };

void presence_free (presence_t *self)
{
    free (self->connections);
    free (self->happened);
    free (self->claims);
    free (self->bereft);
    *self = (presence_t){0};
}

void presence_event (presence_t *self, presence_event_t event, uint32_t fd)
{
    size_t need = self->happened_size + 1;
    if (fd < FD_MOST && array_reserve (&self->happened, &self->happened_capacity, need, sizeof *self->happened) == 0)
        self->happened[self->happened_size++] = (happened_t){event, fd};
}

//  Kept once, however often it is heard.
static void claim (presence_t *self, uint32_t fd, uint64_t life, bool is_guess)
{
    for (size_t i = 0; i < self->claims_size; i++)
        if (self->claims[i].fd == fd && self->claims[i].life == life) {
            self->claims[i].is_guess = self->claims[i].is_guess && is_guess;
            return;
        }
    size_t need = self->claims_size + 1;
    if (need <= CLAIMS_MOST && array_reserve (&self->claims, &self->claims_capacity, need, sizeof *self->claims) == 0)
        self->claims[self->claims_size++] = (claim_t){.fd = fd, .life = life, .is_guess = is_guess};
}

bool presence_heard (presence_t *self, int fd, uint64_t life)
{
    if (fd < 0 || fd >= FD_MOST || !life)
        return true;
    connection_t *known = (size_t)fd < self->connections_size ? &self->connections[fd] : NULL;
    if (known && known->is_open && known->life == life) {
        known->is_guess = false;
        known->turn = self->turn;
        return true;
    }
    claim (self, (uint32_t)fd, life, false);
    return !known || !known->is_open || !known->life || known->is_guess;
}

//  ---- settling

static int make_room (presence_t *self, uint32_t fd)
{
    size_t need = (size_t)fd + 1;
    if (need <= self->connections_size)
        return 0;
    if (array_reserve (&self->connections, &self->connections_capacity, need, sizeof *self->connections) == -1)
        return -1;
    while (self->connections_size < need)
        self->connections[self->connections_size++] = (connection_t){0};
    return 0;
}

static void lose (presence_t *self, uint64_t life)
{
    size_t need = self->bereft_size + 1;
    if (life && array_reserve (&self->bereft, &self->bereft_capacity, need, sizeof *self->bereft) == 0)
        self->bereft[self->bereft_size++] = life;
}

static void apply (presence_t *self, const happened_t *what)
{
    if (make_room (self, what->fd) == -1)
        return;
    connection_t *connection = &self->connections[what->fd];
    bool is_fresh = connection->life && !connection->is_guess && self->turn - connection->turn <= 1;
    if (is_fresh)
        claim (self, what->fd, connection->life, true);
    lose (self, connection->life);
    *connection = (connection_t){.is_open = what->event == PRESENCE_ACCEPTED};
}

static bool is_present (const presence_t *self, uint64_t life)
{
    for (size_t i = 0; i < self->connections_size; i++)
        if (self->connections[i].life == life)
            return true;
    return false;
}

//  In this very turn, and is not told gone if it is found again.
static bool is_bereft (const presence_t *self, uint64_t life)
{
    for (size_t i = 0; i < self->bereft_size; i++)
        if (self->bereft[i] == life)
            return true;
    return false;
}

//  True where the claim is done with.
static bool decide (presence_t *self, claim_t *what, presence_fn *back, void *arg)
{
    connection_t *connection = what->fd < self->connections_size ? &self->connections[what->fd] : NULL;
    bool is_guessed = connection && connection->is_guess && !what->is_guess && connection->life != what->life;
    if (connection && connection->is_open && (!connection->life || is_guessed)) {
        bool was_present = is_present (self, what->life) || is_bereft (self, what->life);
        lose (self, connection->life);
        connection->life = what->life;
        connection->is_guess = what->is_guess;
        connection->turn = self->turn;
        if (!was_present)
            back (arg, what->life);
        return true;
    }
    if (what->is_old || (connection && connection->is_open && connection->life == what->life))
        return true;
    what->is_old = true;
    return false;
}

void presence_settle (presence_t *self, presence_fn *gone, presence_fn *back, void *arg)
{
    for (size_t i = 0; i < self->happened_size; i++)
        apply (self, &self->happened[i]);
    self->happened_size = 0;
    size_t left = 0;
    for (size_t i = 0; i < self->claims_size; i++) {
        claim_t what = self->claims[i];
        if (!decide (self, &what, back, arg))
            self->claims[left++] = what;
    }
    self->claims_size = left;
    for (size_t i = 0; i < self->bereft_size; i++)
        if (!is_present (self, self->bereft[i]))
            gone (arg, self->bereft[i]);
    self->bereft_size = 0;
    self->turn++;
}
