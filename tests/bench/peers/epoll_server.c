// An echo server over epoll in one thread: the speed limit the others are measured against.
//   cc -O2 -o epoll_server epoll_server.c && ./epoll_server <port>
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

// What could not be written yet. While there is any, the connection is not read.
struct Connection {
  int descriptor;
  size_t start, length;
  char *pending;
};

static char buffer[64 * 1024];
static int poller;

static void watch(struct Connection *connection, int operation, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  epoll_ctl(poller, operation, connection->descriptor, &event);
}

static void end(struct Connection *connection) {
  close(connection->descriptor);
  free(connection->pending);
  free(connection);
}

static void serve(struct Connection *connection) {
  if (connection->length > 0) {
    ssize_t sent = write(connection->descriptor, connection->pending + connection->start,
                         connection->length);
    if (sent < 0 && errno != EAGAIN) return end(connection);
    if (sent < 0) return;
    connection->start += sent;
    connection->length -= sent;
    if (connection->length == 0) watch(connection, EPOLL_CTL_MOD, EPOLLIN);
    return;
  }
  ssize_t received = read(connection->descriptor, buffer, sizeof buffer);
  if (received < 0 && errno == EAGAIN) return;
  if (received <= 0) return end(connection);
  ssize_t sent = write(connection->descriptor, buffer, received);
  if (sent < 0 && errno != EAGAIN) return end(connection);
  if (sent < 0) sent = 0;
  if (sent == received) return;
  if (!connection->pending) connection->pending = malloc(sizeof buffer);
  connection->start = 0;
  connection->length = received - sent;
  memcpy(connection->pending, buffer + sent, connection->length);
  watch(connection, EPOLL_CTL_MOD, EPOLLOUT);
}

int main(int count, char **arguments) {
  signal(SIGPIPE, SIG_IGN);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);

  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(count > 1 ? atoi(arguments[1]) : 0)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) {
    perror("Cannot listen");
    return 1;
  }
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("Listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);

  poller = epoll_create1(0);
  struct epoll_event ready[1024], event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  while (1) {
    int found = epoll_wait(poller, ready, 1024, -1);
    for (int i = 0; i < found; i++) {
      if (ready[i].data.ptr) {
        serve(ready[i].data.ptr);
        continue;
      }
      for (int descriptor; (descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        struct Connection *connection = calloc(1, sizeof *connection);
        connection->descriptor = descriptor;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(connection, EPOLL_CTL_ADD, EPOLLIN);
      }
    }
  }
}
