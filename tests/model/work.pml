/*  work: who has which task (protocol, sections 5 and 6; washer_hears.c, sink_count.c, sink_peers.c, dryer_work.c).
 *
 *  One washer, a sink, two dryers, two tasks. Links and lanes are reliable here (link.pml and lane.pml say why).
 *
 *  CRASH    dryer 0 dies, with what it had said and nobody had read, or without
 *  ZOMBIE   dryer 0 is taken for dead while it lives; it hears so at some time and comes back as life 2
 *  LEAVE    dryer 0 leaves: SLOTS 0, RETURNED, BYE
 *  FAILS    so many attempts fail that are not the last
 *  RECALLS  so many times the washer asks for what was not started
 *
 *  Holds: what is counted is never sent again (S20); a task is started once, and once more for each loss and each
 *  failure of it (S25); it is counted once (S29); in the end nothing is out at anybody, and nobody is stuck.
 */
#define UNSENT 8
#define FORGOT 7
#define NONE 9
#define ROOM (len (sw) < 5)

mtype = { HELLO, DONE, FAILED, RETURNED, SLOTS, BYE, UP, DOWN, COUNTED, TASK, RECALL };
chan sw = [8] of { mtype, byte, byte };         /* sink to washer: life, task (DOWN: blame) */
chan rep[2] = [3] of { mtype, byte, byte };     /* dryer to sink: life, task */
chan lane[3] = [3] of { mtype, byte };          /* washer to each life: task */

byte st[2] = UNSENT;                              /* the ledger: UNSENT, a life, FORGOT */
bool known[3], leaving[3], asked[3], vain[3];
byte recalls = RECALLS;
byte counted[2], fresh = 0;                     /* the sink; `fresh`: bits of tasks that are counted, not committed */
bool closed[3], dead, joined, eof;
byte runs[2], losses[2], failures[2], fails = FAILS;

#define OUT(i) ((st[0] == i) + (st[1] == i))

/* ---- the washer */

inline deal (i, n)
{
    atomic { known[i] && !leaving[i] && st[n] == UNSENT && nfull (lane[i]) && !joined ->
        assert (!counted[n]);
        st[n] = i; vain[i] = false; lane[i]!TASK,n }
}

inline recall (i)
{
    atomic { known[i] && recalls > 0 && OUT (i) && !asked[i] && !vain[i] && nfull (lane[i]) && !joined ->
        recalls--; asked[i] = true; lane[i]!RECALL,0;
#ifdef BUG_RECALL_BELIEVED
        if
        :: st[0] == i -> st[0] = UNSENT
        :: else -> st[1] = UNSENT
        fi
#endif
    }
}

inline back (n)
{
    if
    :: n < 2 && st[n] == i -> st[n] = UNSENT; vain[i] = false
    :: else
    fi
}

inline down (blame)
{
    known[i] = false; asked[i] = false;
#ifdef BUG_BYE_TRUSTED
    if
    :: !blame -> skip
    :: else ->
#endif
    for (n : 0 .. 1) {
        if
        :: st[n] == i ->
            st[n] = UNSENT; losses[n] = losses[n] + (blame && !counted[n])
        :: else
        fi
    }
#ifdef BUG_BYE_TRUSTED
    fi
#endif
}

active proctype Washer ()
{
    byte i, k, n;
    mtype m;
    do
    :: deal (0, 0)
    :: deal (0, 1)
    :: deal (1, 0)
    :: deal (1, 1)
    :: deal (2, 0)
    :: deal (2, 1)
    :: recall (0)
    :: recall (1)
    :: atomic { !eof -> eof = true }
    :: atomic { sw?m,i,k ->
           if
           :: m == UP -> known[i] = true
           :: m == SLOTS -> leaving[i] = true
           :: m == COUNTED ->
               if
               :: st[k] < 3 -> vain[st[k]] = false
               :: else
               fi;
               st[k] = FORGOT
           :: m == FAILED -> back (k)
           :: m == RETURNED ->
               if
               :: k >= 10 -> asked[i] = false; vain[i] = (k == 10 + NONE); k = k - 10
               :: else
               fi;
               back (k)
           :: m == DOWN -> down (k)
           fi;
           i = 0; k = 0; n = 0; m = 0 }
    :: atomic { joined && empty (sw) -> assert (st[0] == FORGOT && st[1] == FORGOT); break }
    od
}

/* ---- the sink */

inline commit ()
{
    if
    :: fresh & 1 -> sw!COUNTED,0,0
    :: else
    fi;
    if
    :: fresh & 2 -> sw!COUNTED,0,1
    :: else
    fi;
    fresh = 0
}

inline close (i, blame)
{
    closed[i] = true;
#ifndef BUG_DOWN_FIRST
    commit ();
#endif
    sw!DOWN,i,blame
}

inline hear (R)
{
    atomic { ROOM && !joined && nempty (R) -> R?m,i,k;
        if
#ifndef BUG_NO_GONE
        :: closed[i] -> skip /* GONE */
#endif
        :: else ->
            if
            :: m == HELLO -> sw!UP,i,0
            :: m == DONE ->
                if
                :: !counted[k] -> counted[k]++; fresh = fresh | (1 << k)
                :: else
                fi
            :: m == FAILED || m == RETURNED || m == SLOTS -> sw!m,i,k
            :: m == BYE -> close (i, 0)
            fi
        fi;
        m = 0; i = 0; k = 0 }
}

active proctype Sink ()
{
    mtype m;
    byte i, k;
#ifdef ZOMBIE
    bool err = true;
#endif
    do
    :: hear (rep[0])
    :: hear (rep[1])
    :: atomic { fresh && ROOM && !joined -> commit () }
#ifdef CRASH
    :: atomic { dead && !closed[0] && ROOM && !joined -> close (0, 1) }
#endif
#ifdef ZOMBIE
    :: atomic { err && known[0] && !closed[0] && ROOM && !joined -> err = false; close (0, 1) }
#endif
    :: atomic { eof && counted[0] && counted[1] && ROOM && !joined ->
           assert (counted[0] == 1 && counted[1] == 1); commit (); joined = true; break }
    od
}

/* ---- a dryer: one slot, the other task waits */

inline start (n)
{
    atomic { running == NONE && !parting && held[n] ->
        running = n; held[n] = false; runs[n]++; assert (runs[n] <= 1 + losses[n] + failures[n]) }
}

/* The tail first, as it was not started: here, any. `as`: 10, as the answer to a RECALL. */
inline give_back (as)
{
    if
    :: held[0] -> held[0] = false; R!RETURNED,me,0 + as
    :: held[1] -> held[1] = false; R!RETURNED,me,1 + as
    :: else ->
        if
        :: as -> R!RETURNED,me,NONE + as
        :: else
        fi
    fi
}

proctype Dryer (byte me; chan R)
{
    byte n, running = NONE;
    mtype m;
    bool held[2], parting;
    if
    :: R!HELLO,me,0
    :: joined
    fi;
    do
    :: joined -> break
    :: atomic { closed[me] && !dead -> /* GONE; what runs is ended */
           if
           :: me == 0 && !parting -> run Dryer (2, R)
           :: else
           fi;
           break }
    :: atomic { len (R) < 2 && nempty (lane[me]) -> lane[me]?m,n;
           if
           :: m == TASK ->
               held[n] = true
           :: m == RECALL -> give_back (10)
           fi;
           n = 0; m = 0 }
    :: start (0)
    :: start (1)
    :: atomic { running != NONE && nfull (R) -> R!DONE,me,running; running = NONE }
    :: atomic { running != NONE && fails > 0 && nfull (R) ->
           fails--; failures[running]++; R!FAILED,me,running; running = NONE }
#ifdef LEAVE
    :: atomic { me == 0 && !parting && len (R) < 2 -> parting = true;
#ifndef BUG_NO_SLOTS
           R!SLOTS,me,0
#endif
       }
    :: atomic { parting && (held[0] || held[1]) && nfull (R) -> give_back (0) }
    :: atomic { parting && !held[0] && !held[1] && running == NONE && empty (R) && !fresh && !closed[me] ->
           R!BYE,me,0; closed[me] || joined; break }
#endif
#ifdef CRASH
    :: atomic { me == 0 -> dead = true;
           do
           :: R?_,_,_
           :: true -> break
           od;
           break }
#endif
    od
}

init
{
    atomic { run Dryer (0, rep[0]); run Dryer (1, rep[1]) }
}

ltl ends { <> joined }
