/*  startup_floor: links what dishes links, opens one pair of inproc sockets, sends one message, ends.
 *
 *  The least that a program over libzmq takes to start and to stop: its own loading, a context with its I/O thread, two
 *  sockets. What dishes takes for one item beyond this and xargs' own time is ours to answer for.
 */
#include <stdio.h>
#include <zmq.h>

static int s_fail (const char *what)
{
    fprintf (stderr, "startup_floor: %s: %s\n", what, zmq_strerror (zmq_errno ()));
    return 1;
}

int main (void)
{
    void *context = zmq_ctx_new ();
    void *pull = zmq_socket (context, ZMQ_PULL);
    void *push = zmq_socket (context, ZMQ_PUSH);
    char byte;
    if (!pull || !push || zmq_bind (pull, "inproc://floor") != 0 || zmq_connect (push, "inproc://floor") != 0)
        return s_fail ("sockets");
    if (zmq_send (push, "x", 1, 0) != 1 || zmq_recv (pull, &byte, 1, 0) != 1)
        return s_fail ("message");
    zmq_close (push);
    zmq_close (pull);
    zmq_ctx_term (context);
    return 0;
}
