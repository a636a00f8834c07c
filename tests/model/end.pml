/*  end: the last message (protocol, S11, S12, S18, S35, S36; sink_peers.c, sink_hello.c, session.c).
 *
 *  All is counted. A sink that will decide so, and three peers: a washer, which may leave by itself before (S36), a
 *  dryer, and one that comes late: it says HELLO at some time, perhaps when nobody is there any more. Any message may be
 *  lost, LOSS of them are; DEATHS peers die. Clocks are exact: dead-after passes for the sink where the peers that it
 *  still has on its roster are gone, for a peer where the sink is; the wait for GONE may end at any time.
 *
 *  Holds: whoever the sink has on its roster and is not killed hears of the end, or has left with it: nobody ends with
 *  *pipeline lost*; and all of them end.
 */
#define LATE 2

mtype = { HELLO, WELCOME, END, BYE, GONE };
chan out[3] = [1] of { mtype };
chan in[3] = [1] of { mtype };
byte loss = LOSS, deaths = DEATHS;

bool roster[3], closed[3], decided, over;       /* the sink */
bool alive[3] = true;
byte left;                                      /* peers that are no more */

/* A full wire: the message that is there says it too. */
inline say (c, what)
{
    if
    :: nfull (c) -> c!what
    :: loss > 0 -> loss--
    :: full (c)
    fi
}

inline leave () { alive[me] = false; left++ }

proctype Peer (byte me)
{
    mtype m;
    bool parting, up = (me != LATE);
    do
    :: atomic { out[me]?m ->
           if
           :: m == WELCOME -> up = true
           :: m == END -> parting = true; say (in[me], BYE)
           :: m == GONE && parting -> leave (); break
           :: else
           fi;
           m = 0 }
    :: atomic { parting && empty (in[me]) && empty (out[me]) && !over -> say (in[me], BYE) }
    :: atomic { me == 0 && !parting && !over -> parting = true } /* all its tasks are counted, its EOF is acked */
    :: atomic { !up && !parting && empty (in[me]) && empty (out[me]) && !over -> say (in[me], HELLO) }
    :: atomic { over && empty (out[me]) && !parting -> /* silence */
           assert (!roster[me]); leave (); break }
#ifndef BUG_WAITS_FOR_EVER
    :: atomic { parting -> leave (); break }
#endif
    :: atomic { deaths > 0 -> deaths--; leave (); break }
    od
}

inline hear (p)
{
    atomic { in[p]?m ->
        if
        :: m == HELLO && !closed[p] ->
            roster[p] = true;
            if
            :: decided -> say (out[p], END)
            :: else -> say (out[p], WELCOME)
            fi
        :: m == HELLO && closed[p] -> say (out[p], GONE)
        :: m == BYE -> closed[p] = true; roster[p] = false; say (out[p], GONE)
        fi;
        m = 0 }
}

#ifdef BUG_SAID_ONCE
#define AGAIN(p) false
#else
#define AGAIN(p) (decided && roster[p] && empty (out[p]) && empty (in[p])) /* it hears first */
#endif
#ifdef BUG_HASTY
#define PARTED decided
#else
#define STILL(p) (roster[p] && alive[p])
#define PARTED (decided && !STILL (0) && !STILL (1) && !STILL (2) && empty (in[0]) && empty (in[1]) && empty (in[2]))
#endif

inline tell (p)
{
    if
    :: roster[p] -> say (out[p], END)
    :: else
    fi
}

active proctype Sink ()
{
    mtype m;
    roster[0] = true;
    roster[1] = true;
    atomic { run Peer (0); run Peer (1); run Peer (2) }
    do
    :: hear (0)
    :: hear (1)
    :: hear (2)
    :: atomic { !decided -> decided = true; tell (0); tell (1); tell (2) }
    :: atomic { AGAIN (0) -> say (out[0], END) }
    :: atomic { AGAIN (1) -> say (out[1], END) }
    :: atomic { AGAIN (2) -> say (out[2], END) }
    :: atomic { PARTED -> over = true; break }
    od
}

ltl ends { <> (over && left == 3) }
