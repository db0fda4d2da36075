// A load generator for request and response, over epoll in one thread; prints responses per second.
//   cc -O2 -o app_load app_load.c
//   ./app_load <port> <connections> <pipelined> <seconds> <request file> <response length>
// Each connection sends `pipelined` requests at once, waits for as many responses, and again.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct Client {
  int descriptor;
  size_t received; // bytes of the responses under way
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

int main(int count, char **arguments) {
  if (count != 7) return fprintf(stderr, "see the first lines of app_load.c\n"), 2;
  int port = atoi(arguments[1]), connections = atoi(arguments[2]), pipelined = atoi(arguments[3]);
  double seconds = atof(arguments[4]);
  size_t expected = atol(arguments[6]) * pipelined;
  static char request[4096], batch[4096 * 64], buffer[256 * 1024];

  FILE *file = fopen(arguments[5], "rb");
  if (!file) fail(arguments[5]);
  size_t length = fread(request, 1, sizeof request, file);
  fclose(file);
  if (pipelined < 1 || pipelined > 64) return fprintf(stderr, "pipelined: 1 to 64\n"), 2;
  for (int i = 0; i < pipelined; i++) memcpy(batch + i * length, request, length);
  length *= pipelined;

  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int poller = epoll_create1(0), one = 1;
  struct Client *clients = calloc(connections, sizeof *clients);
  for (int i = 0; i < connections; i++) {
    clients[i].descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(clients[i].descriptor, (void *)&address, sizeof address)) fail("connect");
    setsockopt(clients[i].descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
    epoll_ctl(poller, EPOLL_CTL_ADD, clients[i].descriptor, &event);
    if (send(clients[i].descriptor, batch, length, 0) != (ssize_t)length) fail("send");
  }

  long batches = 0;
  double begin = now(), end = begin + seconds;
  while (now() < end) {
    struct epoll_event events[256];
    int ready = epoll_wait(poller, events, 256, 100);
    for (int i = 0; i < ready; i++) {
      struct Client *client = events[i].data.ptr;
      ssize_t n = recv(client->descriptor, buffer, sizeof buffer, 0);
      if (n <= 0) fail("recv");
      client->received += n;
      if (client->received < expected) continue;
      if (client->received > expected) return fprintf(stderr, "too long a response\n"), 1;
      client->received = 0;
      batches++;
      if (send(client->descriptor, batch, length, 0) != (ssize_t)length) fail("send");
    }
  }
  printf("%.0f\n", batches * pipelined / (now() - begin));
}
