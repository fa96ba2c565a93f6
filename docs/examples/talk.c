/* Talks over plain TCP, as nc does, but with a name: talk NAME [HOST [PORT]]
 *
 *     cc -o talk talk.c && ./talk Jason
 *
 * The protocol is lines of text. The server asks for a name, then each line is a message, and QUIT
 * or the end of the input leaves. */
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int dial(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *one;
    int hub = -1;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return -1;
    }
    for (one = found; one != NULL && hub < 0; one = one->ai_next) {
        hub = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
        if (hub >= 0 && connect(hub, one->ai_addr, one->ai_addrlen) != 0) {
            close(hub);
            hub = -1;
        }
    }
    freeaddrinfo(found);
    return hub;
}

/* What can be read from one side goes to the other. 0: there is no more. */
static ssize_t pass_on(int from, int to) {
    char bytes[4096];
    ssize_t length = read(from, bytes, sizeof(bytes));
    for (ssize_t written = 0, now; written < length; written += now) {
        now = write(to, bytes + written, (size_t)(length - written));
        if (now < 0) {
            return 0;
        }
    }
    return length > 0 ? length : 0;
}

int main(int count, char **arguments) {
    int hub = count > 1
                  ? dial(count > 2 ? arguments[2] : "127.0.0.1", count > 3 ? arguments[3] : "8888")
                  : -1;
    if (hub < 0) {
        fprintf(stderr, "usage: talk NAME [HOST [PORT]], where a server listens\n");
        return 1;
    }
    dprintf(hub, "%s\n", arguments[1]);
    struct pollfd sides[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = hub, .events = POLLIN}};
    while (poll(sides, 2, -1) > 0) {
        if (sides[1].revents != 0 && pass_on(hub, STDOUT_FILENO) == 0) {
            return 0;
        }
        if (sides[0].revents != 0 && pass_on(STDIN_FILENO, hub) == 0) {
            shutdown(hub, SHUT_WR); /* what is still coming is read to its end */
            sides[0].fd = -1;
        }
    }
    return 1;
}
