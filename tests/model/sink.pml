/*  sink: a sink with a journal dies once, anywhere, and comes back (protocol, S8, S12, S34, S36, section 8; sink_hello.c,
 *  washer_book.c).
 *
 *  One washer, two dryers of one slot, T tasks (1 or 2). What was on its way to or from the old sink is lost with it;
 *  its journal has what was counted, and EOF. Lanes are reliable. Who is dead is known for sure, but for ZOMBIE.
 *
 *  FAILS    so many attempts fail that are not the last
 *  CRASH    dryer 0 dies
 *  ZOMBIE   the sink takes dryer 0 for dead, which hears so later; the new sink has forgotten that
 *  SETUP    it begins with everybody's HELLO; else when all know each other and EOF is acked
 *
 *  Holds: nobody is stuck before the end; a task is started once, and once more for each loss and failure of it; what
 *  the journal has is not dealt again, unless by a zombie.
 */
#define UNSENT 8
#define FORGOT 7
#define NONE 9
#define ROOM (len (sw) < 5)

mtype = { HELLO, DONE, FAILED, EOF, CLOSED, WELCOME, UP, DOWN, COUNTED, EOFACK };
chan rep[2] = [1] of { mtype, byte, byte, byte }; /* dryer to sink: task, seq, 0; HELLO: 0, got, bits of what it holds */
chan ws = [2] of { mtype, byte };               /* washer to sink; HELLO: bits of its lanes */
chan sw = [8] of { mtype, byte, byte, byte };   /* sink to washer: dryer, seq or got, task or bits */
chan lane[2] = [2] of { byte, byte };           /* task, seq */
bool ack[2];                                    /* to a dryer: its report is committed */

byte life = 1;                                  /* of the sink */
bool jc[2], jeof;                               /* the journal */
bool closed[2];                                 /* in this life */
bool dead[2], joined, left;                     /* `left`: the washer has (S36) */
byte runs[2], losses[2], failures[2], fails = FAILS;

#if T == 1
#define ALL(x) (x[0])
#define GONE_BY (st[0] == FORGOT)
#else
#define ALL(x) (x[0] && x[1])
#define GONE_BY (st[0] == FORGOT && st[1] == FORGOT)
#endif

/* ---- the washer */

inline deal (p, n)
{
    atomic { n < T && st[n] == UNSENT && known[p] && nfull (lane[p]) && !joined ->
#ifndef ZOMBIE
        assert (!jc[n]);
#endif
        seq[p]++; sq[n] = seq[p]; st[n] = p; lane[p]!n,seq[p] }
}

#ifdef BUG_DELIVERY_NOT_CHECKED
#define SAME(n) true
#else
#define SAME(n) (sq[n] == r)
#endif
#ifdef BUG_INVENTORY_WITHOUT_GOT
#define RECEIVED(n) true
#else
#define RECEIVED(n) (sq[n] <= r)
#endif
#ifdef BUG_NO_INVENTORY
#undef RECEIVED
#define RECEIVED(n) false
#endif

inline inventory (n)
{
    if
    :: st[n] == p && RECEIVED (n) && !((h >> n) & 1) -> st[n] = UNSENT
    :: else
    fi
}

inline lost (n)
{
    if
    :: st[n] == p -> st[n] = UNSENT; losses[n]++
    :: else
    fi
}

active proctype Washer ()
{
    byte at, p, r, h, seq[2], sq[2], st[2] = UNSENT;
    bool known[2], over[2], up, said, acked;
    mtype m;
#ifndef SETUP
    atomic { at = 1; known[0] = true; known[1] = true; up = true; said = true; acked = true }
#endif
    do
    :: deal (0, 0)
    :: deal (0, 1)
    :: deal (1, 0)
    :: deal (1, 1)
    :: atomic { at != life && nfull (ws) && !joined ->
           at = life; up = false; said = acked; ws!HELLO,(known[0] + 2 * known[1]) }
    :: atomic { at == life && up && !said && nfull (ws) -> said = true; ws!EOF,0 }
    :: atomic { at == life && nfull (ws) && nempty (sw) -> sw?m,p,r,h;
           if
           :: m == WELCOME ->
               up = true; st[0] = (h & 1 -> FORGOT : st[0]); st[1] = (h & 2 -> FORGOT : st[1])
           :: m == UP && over[p] ->
#ifdef BUG_TAKEN_BACK
               known[p] = true; over[p] = false; seq[p] = 0 /* a new lane */
#else
               ws!CLOSED,p
#endif
           :: m == UP && !over[p] -> known[p] = true; inventory (0); inventory (1)
           :: m == COUNTED -> st[h] = FORGOT
           :: m == FAILED ->
               if
               :: st[h] == p && SAME (h) -> st[h] = UNSENT
               :: else
               fi
           :: m == DOWN -> known[p] = false; over[p] = true; lost (0); lost (1)
           :: m == EOFACK -> acked = true
           fi;
           m = 0; p = 0; r = 0; h = 0 }
    :: atomic { acked && GONE_BY && !joined -> left = true; break }
    :: joined -> break
    od
}

/* ---- the sink */

inline counted (n)
{
    if
    :: fresh[n] && met && !left -> sw!COUNTED,0,0,n
    :: else
    fi;
    fresh[n] = false
}

/* Its end is told though it was not presented: it may be one that the washer knows from before. */
inline down (p)
{
    counted (0); counted (1);
    closed[p] = true; ours[p] = false; named[p] = false;
    if
    :: met && !left -> sw!DOWN,p,0,0
    :: else
    fi
}

inline announce (p)
{
    if
    :: met && ours[p] && !told[p] ->
        told[p] = true; sw!UP,p,got[p],held[p];
        if
        :: kept[p] -> sw!FAILED,p,kept[p],0; kept[p] = 0
        :: kept2[p] -> sw!FAILED,p,kept2[p],1; kept2[p] = 0
        :: else
        fi;
        got[p] = 0; held[p] = 0
    :: else
    fi
}

inline hear (p)
{
    atomic { ROOM && !joined && nempty (rep[p]) -> rep[p]?m,n,r,h;
        if
        :: closed[p] -> skip /* GONE */
        :: !closed[p] && m == HELLO ->
            ours[p] = true; named[p] = false; told[p] = false; got[p] = r; held[p] = h; announce (p)
        :: !closed[p] && m == DONE -> fresh[n] = !jc[n]; jc[n] = true; due[p] = true /* commit */
        :: !closed[p] && m == FAILED ->
            due[p] = true;
            if
            :: told[p] && !left -> sw!FAILED,p,r,n
            :: !told[p] && n == 0 -> kept[p] = r
            :: !told[p] && n == 1 -> kept2[p] = r
            :: else
            fi
        fi;
        m = 0; n = 0; r = 0; h = 0 }
}

inline wipe (p)
{
    ours[p] = 0; named[p] = 0; told[p] = 0; got[p] = 0; held[p] = 0; kept[p] = 0; kept2[p] = 0; due[p] = 0; fresh[p] = 0;
    closed[p] = 0; ack[p] = 0
}

inline drain ()
{
    do
    :: rep[0]?_,_,_,_
    :: rep[1]?_,_,_,_
    :: ws?_,_
    :: sw?_,_,_,_
    :: empty (rep[0]) && empty (rep[1]) && empty (ws) && empty (sw) -> break
    od
}

active proctype Sink ()
{
    byte n, r, h, got[2], held[2], kept[2], kept2[2];
    bool ours[2], named[2], told[2], due[2], fresh[2], met, eof;
    mtype m;
    bool err = true, dies = true;
#ifndef SETUP
    atomic { met = true; ours[0] = true; ours[1] = true; told[0] = true; told[1] = true; eof = true; jeof = true }
#endif
    do
    :: hear (0)
    :: hear (1)
    :: atomic { (due[0] || due[1]) && ROOM && !joined -> /* ack, COUNTED */
           counted (0); counted (1);
           ack[0] = ack[0] || due[0]; ack[1] = ack[1] || due[1]; due[0] = false; due[1] = false }
    :: atomic { len (sw) < 3 && !joined && nempty (ws) -> ws?m,h;
           if
           :: m == HELLO ->
               met = true; sw!WELCOME,0,0,(jc[0] + 2 * jc[1]); told[0] = false; told[1] = false;
               fresh[0] = false; fresh[1] = false;
#ifndef BUG_NOBODY_EXPECTED
               named[0] = (h & 1) && !ours[0]; named[1] = (h & 2) && !ours[1];
#endif
               if
               :: closed[0] && (h & 1) -> named[0] = false; sw!DOWN,0,0,0 /* closed while there was no washer */
               :: else
               fi;
               announce (0); announce (1)
           :: m == EOF ->
               eof = true; sw!EOFACK,0,0,0;
#ifndef BUG_EOF_NOT_DURABLE
               jeof = true
#endif
           :: m == CLOSED && (ours[h] || named[h]) -> down (h)
           :: else
           fi;
           m = 0; h = 0 }
    :: atomic { dead[0] && !closed[0] && (ours[0] || named[0]) && ROOM && !joined -> down (0) }
#ifdef ZOMBIE
    :: atomic { err && !closed[0] && ours[0] && ROOM && !joined -> err = false; down (0) }
#endif
    :: atomic { (eof || jeof) && ALL (jc) && !joined -> joined = true; break }
    :: atomic { dies && !joined -> dies = false; wipe (0); wipe (1); met = false; eof = false; drain (); life++ }
    od
}

/* ---- a dryer */

#define HOLDS (held[0] + 2 * held[1])

inline start (n)
{
    atomic { running == NONE && !pending && held[n] ->
        running = n; runs[n]++; assert (runs[n] <= 1 + losses[n] + failures[n]) }
}

inline ends () { dead[me] = true; running = NONE; pending = 0; n = 0; s = 0; got = 0; task = 0; by = 0; at = 0 }

proctype Dryer (byte me)
{
    byte at, n, s, got, running = NONE, task, by, sq[2];
    bool held[2], said;
    mtype pending;                              /* the report that is not acked: of which task, by which delivery */
#ifndef SETUP
    at = 1;
#endif
    do
    :: joined -> break
    :: atomic { closed[me] && at == life -> ends (); break } /* GONE */
    :: atomic { at != life && nfull (rep[me]) -> at = life; said = false; rep[me]!HELLO,0,got,HOLDS }
    :: atomic { lane[me]?n,s ->
           if
           :: s == got + 1 -> held[n] = true; sq[n] = s; got = s
           :: else
           fi;
           n = 0; s = 0 }
    :: start (0)
    :: start (1)
    :: atomic { running != NONE -> pending = DONE; task = running; by = sq[task]; running = NONE }
    :: atomic { running != NONE && fails > 0 ->
           fails--; failures[running]++; pending = FAILED; task = running; by = sq[task]; running = NONE }
    :: atomic { pending && !said && at == life && nfull (rep[me]) -> said = true; rep[me]!pending,task,by,0 }
    :: atomic { at == life && ack[me] -> ack[me] = false; held[task] = (held[task] && sq[task] != by);
           pending = 0; said = false; task = 0; by = 0 }
#ifdef CRASH
    :: atomic { me == 0 -> ends (); break }
#endif
    od
}

init
{
    atomic { run Dryer (0); run Dryer (1) }
}

ltl ends_ { <> joined }
