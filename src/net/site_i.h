/*  site_i: what the halves of site share: site.c the wires, site_tcp.c hosts and ports. */
#ifndef DISHES_NET_SITE_I_H
#define DISHES_NET_SITE_I_H

#include "net/site.h"

enum { LINE_BYTES = 512 };

struct site {
    site_config_t config;
    char advertise[NAME_BYTES];
    place_t place;      // of ipc: the pipeline's; of a cookie: the user's
    bool has_files;     // of ipc: this is the sink, and they are to be removed
    bool has_cookie;    // it was published, and is to be withdrawn
    uint16_t next_port; // of --lane-ports
    //  A peer's way to the sink
    void *refusals;            // monitor of orders
    unsigned closed;           // connections in a row that ended before they began
    bool is_stale;             // our cookie was refused
    char cookie[COOKIE_BYTES]; // that orders was opened with
    int64_t look_ms;           // when to look for a cookie again
    unsigned looks;            // of site_owner
    char error[LINE_BYTES];
};

//  Writes the line; -1 and errno.
int site_fail (site_t *self, int number, const char *format, ...) __attribute__ ((format (printf, 3, 4)));

//  Binds `in`, `out` or a lane on tcp; `told` may be NULL. 0, or -1, errno and the line.
int site_tcp_bind_in (site_t *self, void *socket, endpoint_t told);
int site_tcp_bind_out (site_t *self, void *socket);
int site_tcp_bind_lane (site_t *self, void *socket, endpoint_t told);

//  The endpoint of `out` as this part dials it.
void site_tcp_dial (const site_t *self, endpoint_t out);

//  What was told, with the host put in where it says *. 0; or -1, EPROTO and the line.
int site_tcp_understand (site_t *self, const char *told, endpoint_t out);

//  0; or -1 and the line where the options do not fit the address.
int site_tcp_check (site_t *self);

#endif
