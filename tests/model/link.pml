/*  link: go-back-N with two numbers and no timer (protocol, section 3), one direction, as src/core/link.c has it.
 *
 *  N values go from a sender to a receiver. The wire loses (LOSS times), and what an older connection brought is read
 *  late (LATE times). The receiver commits when it likes, and may die (DEATHS times): then what it had not committed is
 *  gone, the sender hears of its new life at some time, and begins anew with what was not acked (S8). What was on its
 *  way to or from the old life still arrives.
 *
 *  Holds: in one life the values come in order, each once (S5); no life misses a value that is not durable (S6); what
 *  the sender forgot is durable; and once nothing more is lost, all of it arrives.
 */
#ifndef N
#define N 3
#endif

chan data = [3] of { byte, byte, byte, byte }; /* the receiver's life, seq (0: a beat), value, sent */
chan back = [2] of { byte, bool, byte, byte }; /* the receiver's life, GAP, got, ack */
byte loss = LOSS, late = LATE, deaths = DEATHS;

byte life = 1, got, ack, told, last, durable; /* the receiver; `last`: the value that came last */
bool gap;
byte known = 1, base, acked, next = 1, high;  /* the sender; `base`: values forgotten in earlier lives */
bool fin;

#define MINE(l, of) (l == of)
#define NEWS(sent) (sent > got)
#define FORGET ack_
#define ACK ack
#define FITS (s == got + 1)
#ifdef BUG_ANY_LIFE
#undef MINE
#define MINE(l, of) (true || l == of)
#endif
#ifdef BUG_GAP_ONCE
#undef NEWS
#define NEWS(sent) (sent > got && told != got + 1)
#endif
#ifdef BUG_GOT_AS_ACK
#undef FORGET
#define FORGET got_
#endif
#ifdef BUG_ACK_BEFORE_COMMIT
#undef ACK
#define ACK got
#endif
#ifdef BUG_TAKE_AHEAD
#undef FITS
#define FITS (s > got)
#endif

inline put_data (s, v)
{
    if
    :: data!known,s,v,high
    :: loss > 0 -> loss--
    fi
}

inline put_back (g)
{
    if
    :: back!life,g,got,ACK
    :: loss > 0 -> loss--
    fi
}

active proctype Sender ()
{
    do
    :: atomic { base + acked == N -> fin = true; assert (durable == N); break }
    :: atomic { life != known -> /* ADVERT of a new life */
           known = life; base = base + acked; acked = 0; next = 1; high = 0 }
    :: atomic { base + next <= N && nfull (data) ->
           high = (next > high -> next : high); put_data (next, base + next); next++ }
    od
}

active proctype SenderHears () /* a process of its own, so that neither speaking nor hearing can be put off for ever */
{
    byte l, got_, ack_;
    bool g;
end:
    do
    :: atomic { back?l,g,got_,ack_ ->
           if
           :: MINE (l, known) ->
               if
               :: got_ <= high && ack_ <= got_ && FORGET > acked ->
                   acked = FORGET; next = (next <= acked -> acked + 1 : next)
               :: else
               fi;
               if
               :: g && got_ < high && got_ >= acked -> next = got_ + 1
               :: else
               fi
           :: else
           fi;
           l = 0; g = 0; got_ = 0; ack_ = 0 }
    od
}

active proctype Receiver ()
{
    byte l, s, v, h;
end:
    do
    :: atomic { data?l,s,v,h ->
           if
           :: !MINE (l, life)
           :: MINE (l, life) && s == 0 ->
               if
               :: NEWS (h) -> gap = true
               :: else
               fi
           :: MINE (l, life) && s > 0 && FITS ->
               assert (got == 0 -> v <= durable + 1 : v == last + 1);
               got = s; last = v; gap = false
           :: MINE (l, life) && s > got + 1 && !FITS && told != got + 1 -> gap = true
           :: else
           fi;
           l = 0; s = 0; v = 0; h = 0 }
    :: atomic { deaths > 0 && !fin ->
           deaths--; life++; got = 0; ack = 0; told = 0; last = 0; gap = false }
    od
}

active proctype Disk ()
{
end:
    do
    :: atomic { ack < got -> ack = got; durable = (last > durable -> last : durable) }
    od
}

active proctype SenderBeat ()
{
end:
    do
    :: atomic { !fin && base + next > N && known == life && empty (data) -> put_data (0, 0) }
    od
}

active proctype ReceiverTells ()
{
end:
    do
    :: atomic { gap && nfull (back) -> gap = false; told = got + 1; put_back (true) }
    :: atomic { !fin && !gap && empty (back) -> put_back (false) }
    od
}

active proctype Late ()
{
    byte l, s, v, h;
    bool g;
end:
    do
    :: atomic { late > 0 && len (data) > 1 -> data?l,s,v,h; data!l,s,v,h; late--; l = 0; s = 0; v = 0; h = 0 }
    :: atomic { late > 0 && len (back) > 1 -> back?l,g,s,v; back!l,g,s,v; late--; l = 0; g = 0; s = 0; v = 0 }
    od
}

ltl ends { <> fin }
