/*  washer: a washer dies anywhere, and is started again with the same name and input (protocol, section 8, S12, S19, S34;
 *  sink_peers.c, sink_hello.c, washer_book.c, dryer.c).
 *
 *  One sink, two dryers of one slot, two tasks. The dryers go on with what they hold; asked by WASHER-DOWN they close the
 *  old lane and answer HOLDING; when a new life has come they are asked to drop what was not started. Then that life gets
 *  WELCOME with what is counted, and DRYER-UP with what runs, behind it what was reported meanwhile.
 *
 *  FAILS  so many attempts fail that are not the last
 *  SHORT  the first life's input was cut: its EOF says 1
 *  APART  the new life may deal tasks after the DRYER-UP of one dryer and before that of the other
 *
 *  Holds: no task is started twice, but for its failures: nothing is run again because a washer died, unless it was dealt
 *  APART; what was counted is not dealt; no join by the EOF of another life than the last; nobody is stuck.
 */
#define UNSENT 8
#define FORGOT 7
#define NONE 9
#define ROOM (len (sw) < 4)

mtype = { DONE, FAILED, HOLDING, WELCOME, UP, COUNTED };
chan rep[2] = [3] of { mtype, byte, byte };     /* dryer to sink: washer's life, task; HOLDING: bits */
chan ask[2] = [2] of { bool };                  /* WASHER-DOWN of life 1; drop */
chan sw = [6] of { mtype, byte, byte, byte };   /* sink to washer: dryer, washer's life, task or bits */
chan lane[2] = [2] of { byte, byte };           /* washer's life, task */
byte life = 1;                                  /* of the washer */
bool alive = true, hello, welcome;              /* `hello`: of life 2, not answered */
byte total;
bool jc[2], joined;
byte runs[2], failures[2], again[2], fails = FAILS;
byte st[2] = UNSENT;

/* ---- the washer */

#ifdef APART
#define DEALS(p) (life == 1 || up[p])
#else
#define DEALS(p) (life == 1 || (up[0] && up[1]))
#endif

inline deal (p, n)
{
    atomic { alive && DEALS (p) && welcome && st[n] == UNSENT && nfull (lane[p]) && !joined ->
#ifdef APART
        again[n] = again[n] + (life == 2 && !(up[0] && up[1]));
#endif
        assert (!jc[n] || again[n]);
        st[n] = p; lane[p]!life,n }
}

/* What the dryer runs for the life before is as good as out. */
inline adopt (n)
{
#ifndef BUG_NOT_ADOPTED
    if
    :: ((h >> n) & 1) && st[n] == UNSENT -> st[n] = p; foreign[n] = true
    :: else
    fi
#else
    skip
#endif
}

active proctype Washer ()
{
    byte p, w, h;
    bool up[2], said, foreign[2];
    mtype m;
    welcome = true;
    do
    :: deal (0, 0)
    :: deal (0, 1)
    :: deal (1, 0)
    :: deal (1, 1)
    :: atomic { alive && welcome && !said && !joined -> said = true;
#ifdef SHORT
           total = (life == 1 -> 1 : 2)
#else
           total = 2
#endif
       }
    :: atomic { alive && nempty (sw) -> sw?m,p,w,h;
           if
           :: m == WELCOME -> welcome = true;
               st[0] = (h & 1 -> FORGOT : UNSENT); st[1] = (h & 2 -> FORGOT : UNSENT)
           :: m == UP -> up[p] = true; adopt (0); adopt (1)
           :: m == COUNTED -> st[h] = FORGOT; foreign[h] = false
           :: m == FAILED ->
               if
               :: st[h] == p && (foreign[h] -> w == 1 : w == life) -> st[h] = UNSENT; foreign[h] = false
               :: else
               fi
           fi;
           m = 0; p = 0; w = 0; h = 0 }
    :: atomic { alive && life == 1 && !joined -> /* it dies; what was on its way to it is nobody's */
           alive = false; welcome = false; said = false; st[0] = NONE; st[1] = NONE;
           do
           :: sw?_,_,_,_
           :: empty (sw) -> break
           od }
    :: atomic { !alive && !hello && !joined -> hello = true }
    :: joined -> break
    od
}

/* ---- the sink */

inline pass (p)
{
    if
    :: kept[p] & 1 -> sw!FAILED,p,by[p],0
    :: else
    fi;
    if
    :: kept[p] & 2 -> sw!FAILED,p,by[p],1
    :: else
    fi;
    kept[p] = 0; by[p] = 0
}

/* The new life may be told of this dryer: it has answered, and what it had not started is dropped. */
inline settle (p)
{
#ifdef BUG_NOT_ASKED
    settled[p] = true;
#endif
    if
    :: asked[p] || !called -> skip
    :: !asked[p] && called && inv[p] && !dropped[p] -> dropped[p] = true; asked[p] = true; ask[p]!true
    :: !asked[p] && called && (!inv[p] || dropped[p]) -> settled[p] = true
    fi
}

inline present ()
{
    if
    :: called && !told[0] -> settle (0); settle (1);
        if
        :: settled[0] && settled[1] ->
            life = 2; alive = true;
            sw!WELCOME,0,0,(jc[0] + 2 * jc[1]);
            sw!UP,0,0,inv[0]; pass (0);
            sw!UP,1,0,inv[1]; pass (1);
            told[0] = true; told[1] = true; inv[0] = 0; inv[1] = 0
        :: else
        fi
    :: else
    fi
}

inline hear (p)
{
    atomic { ROOM && (bereaved || alive) && !joined && nempty (rep[p]) -> rep[p]?m,w,n;
        if
        :: m == DONE && !jc[n] -> jc[n] = true;
            if
            :: alive -> sw!COUNTED,0,0,n
            :: else
            fi
        :: m == DONE && jc[n] -> assert (again[n]) /* a duplicate */
        :: m == FAILED && told[p] -> sw!FAILED,p,w,n
        :: m == FAILED && !told[p] -> kept[p] = kept[p] | (1 << n); by[p] = w
        :: m == HOLDING -> inv[p] = n; asked[p] = false; present ()
        fi;
        m = 0; w = 0; n = 0 }
}

active proctype Sink ()
{
    byte w, n, inv[2], kept[2], by[2];
    bool told[2] = true, asked[2], dropped[2], settled[2], called, bereaved;
    mtype m;
    do
    :: hear (0)
    :: hear (1)
    :: atomic { !alive && !bereaved && !joined ->
           bereaved = true; told[0] = false; told[1] = false; asked[0] = true; asked[1] = true;
           ask[0]!false; ask[1]!false }
    :: atomic { bereaved && hello && !called && !joined -> called = true;
#ifndef BUG_OLD_EOF
           total = 0;
#endif
           present () }
    :: atomic { total && jc[0] && (total == 1 || jc[1]) && !joined ->
           assert (!called || (jc[0] && jc[1])); joined = true; break }
    od
}

/* ---- a dryer */

inline start (n)
{
    atomic { running == NONE && holds[n] ->
        running = n; by = holds[n]; holds[n] = 0; runs[n]++; assert (runs[n] <= 1 + failures[n] + again[n]) }
}

#define BITS ((holds[0] || running == 0) + 2 * (holds[1] || running == 1))

proctype Dryer (byte me)
{
    byte w, n, running = NONE, by, holds[2];
    bool closed, drop;
    do
    :: joined -> break
    :: atomic { lane[me]?w,n ->
           if
#ifndef BUG_OLD_LANE_OPEN
           :: w == 1 && closed
#endif
           :: else -> holds[n] = w
           fi;
           w = 0; n = 0 }
    :: start (0)
    :: start (1)
    :: atomic { running != NONE && nfull (rep[me]) -> rep[me]!DONE,by,running; running = NONE; by = 0 }
    :: atomic { running != NONE && fails > 0 && nfull (rep[me]) ->
           fails--; failures[running]++; rep[me]!FAILED,by,running; running = NONE; by = 0 }
    :: atomic { nfull (rep[me]) && nempty (ask[me]) -> ask[me]?drop;
           closed = true;
           if
           :: drop -> holds[0] = (holds[0] == 1 -> 0 : holds[0]); holds[1] = (holds[1] == 1 -> 0 : holds[1])
           :: else
           fi;
           rep[me]!HOLDING,0,BITS; drop = false }
    od
}

init
{
    atomic { run Dryer (0); run Dryer (1) }
}

ltl ends { <> joined }
