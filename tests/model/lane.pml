/*  lane: the sockets of a lane come and go, its sequence does not (protocol, S20, S22, S23, S39, S40; washer_lane.c and
 *  dryer_lane.c).
 *
 *  One washer, one dryer, T tasks. A generation is a socket that serves one connection. When it breaks (BREAKS times),
 *  or a stranger takes part of what is sent, messages vanish from there on, or do not; the washer notices later, and
 *  begins the next generation. It may give the lane up (SHUTS times), and tries it again. LANE, LANEGOT and what the
 *  dryer reports pass through the sink, in links (see link.pml).
 *
 *  Holds: no task is started twice though no dryer dies; the end is reached, with nothing out and nothing held.
 */
#ifndef T
#define T 3
#endif
#define MOST (T + T + 2)
#define OUT 1
#define COUNTED 2
#define NOBODY 9

mtype = { LANE, SHUT, LANEGOT, DONE, RETURNED };
chan down = [4] of { mtype, byte };             /* orders: LANE or SHUT, generation */
chan up = [6] of { mtype, byte, byte };         /* LANEGOT generation, got; DONE n; RETURNED n, seq */
chan wire[2] = [2] of { byte, byte, byte };     /* of this generation, and of the one before: generation, seq, n; 0: SKIP */

byte breaks = BREAKS, shuts = SHUTS;
byte gen = 1, seq, next = 1, high;              /* the washer's lane */
bool ready = true, shut, doubted, broken;
byte st[T + 1], sq[T + 1], shelf[MOST + 1];     /* of each task: where, in which delivery; of each delivery: its task */
byte counted, runs[T + 1];

#define ORDERS (len (down) < 3)
#define REPORTS (len (up) < 6 - T - 1)

inline forget (n) { shelf[sq[n]] = 0; sq[n] = 0 }

/* What was never sent, or by the dryer's word never came, is to do again. */
inline unreceived (from)
{
    for (i : 1 .. T) {
        if
        :: st[i] == OUT && sq[i] > from -> st[i] = 0; forget (i)
        :: else
        fi
    }
    i = 0
}

inline begin ()
{
    gen++; broken = false; ready = false;
#ifdef BUG_RENUMBER
    next = 1;
#endif
    do
    :: wire[gen % 2]?_,_,_
    :: empty (wire[gen % 2]) -> break
    od
}

inline send ()
{
    if
    :: wire[gen % 2]!gen,next,shelf[next]
    :: broken /* it vanishes */
    fi
}

active proctype Washer ()
{
    byte a, b, i;
    mtype m;
    down!LANE,1;
    do
    :: counted == T -> break
    :: atomic { counted < T && !shut && !doubted && seq < MOST && st[1] == 0 -> seq++; st[1] = OUT; sq[1] = seq; shelf[seq] = 1 }
    :: atomic { counted < T && !shut && !doubted && seq < MOST && T > 1 && st[2] == 0 -> seq++; st[2] = OUT; sq[2] = seq; shelf[seq] = 2 }
    :: atomic { counted < T && !shut && !doubted && seq < MOST && T > 2 && st[T] == 0 -> seq++; st[T] = OUT; sq[T] = seq; shelf[seq] = T }
    :: atomic { ready && next <= seq && nfull (wire[gen % 2]) ->
#ifdef BUG_NO_SKIP
           if
           :: shelf[next] == 0
           :: else -> send ()
           fi;
#else
           send ();
#endif
           doubted = false; high = (next > high -> next : high); next++ }
    :: atomic { up?m,a,b ->
           if
           :: m == DONE -> assert (st[a] == OUT); st[a] = COUNTED; forget (a); counted++
           :: m == RETURNED ->
               if
               :: st[a] == OUT && sq[a] == b -> st[a] = 0; forget (a)
               :: else
               fi
           :: m == LANEGOT && a == gen && b <= seq ->
               ready = !shut;
               if
               :: shut -> unreceived (b)
               :: else
               fi;
#ifndef BUG_TRUST_SENT
               next = (b + 1 < next -> b + 1 : next)
#endif
           :: else
           fi;
           a = 0; b = 0; m = 0 }
    :: atomic { broken && !shut && ORDERS -> begin (); down!LANE,gen } /* its monitor says so */
    :: atomic { shuts > 0 && !shut && (!ready || next <= seq || broken) && ORDERS -> /* nothing goes for dead-after */
           shuts--; begin (); broken = false; ready = false; shut = true; doubted = true;
#ifdef BUG_SHUT_TAKES_ALL
           unreceived (0);
#else
           unreceived (high);
#endif
           down!SHUT,gen }
#ifndef BUG_SHUT_FOR_GOOD
    :: atomic { shut && seq < MOST && ORDERS -> shut = false; seq++; begin (); down!LANE,gen }
#endif
    od
}

inline take (n) { atomic { running == NOBODY && held[n] -> running = n; runs[n]++; assert (runs[n] == 1) } }

inline give_back ()
{
    for (i : 1 .. T) {
        if
        :: held[i] && running != i -> up!RETURNED,i,held[i]; held[i] = 0
        :: else
        fi
    }
    i = 0
}

active proctype Dryer ()
{
    byte at, got, told, running = NOBODY, held[T + 1], g, s, n, i;
    bool closed;
    mtype m;
end:
    do
    :: atomic { REPORTS && nempty (down) -> down?m,g;
           if
           :: g > at ->
               at = g; closed = (m == SHUT); told = 0;
#ifdef BUG_RENUMBER
               got = 0;
#endif
               if
               :: closed -> give_back ()
               :: else
               fi;
               if
               :: at > 1 -> up!LANEGOT,at,got
               :: else
               fi
           :: else
           fi;
           g = 0; m = 0 }
    :: atomic { at && !closed && REPORTS && wire[at % 2]?[eval (at),s,n] -> wire[at % 2]?eval (at),s,n;
           if
           :: s == got + 1 ->
               got = s;
               if
               :: n -> held[n] = s
               :: else
               fi
           :: s > got + 1 && told != got + 1 -> told = got + 1; up!LANEGOT,at,got
           :: else
           fi;
           s = 0; n = 0 }
    :: take (1)
    :: take (2)
    :: take (T)
    :: atomic { running != NOBODY && REPORTS -> up!DONE,running,held[running]; held[running] = 0; running = NOBODY }
    od
}

active proctype Net ()
{
end:
    do
    :: atomic { breaks > 0 && !broken && !shut && counted < T -> breaks--; broken = true }
    od
}

ltl ends { <> (counted == T) }
