// A load generator over epoll in one thread; prints one line of JSON. Times are in microseconds.
//   cc -O2 -o load load.c
//   ./load pingpong <port> <connections> <bytes> <seconds>  each client sends, waits for all of it, and again
//   ./load ask      <port> <connections> <seconds> <request file> <response length>       the same with a request
//   ./load burst    <port> <connections>                    all connect at once, then send one byte each
//   ./load idle     <port> <connections>                    connects, prints, and holds on until stdin ends
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
#include <time.h>
#include <unistd.h>

struct Client {
  int descriptor, connected, rounds;
  size_t sent, received; // of the round trip under way
  double started;
};

static char *message, buffer[256 * 1024];
static size_t length = 1;  // of the message
static size_t expected = 1; // of what comes back
static int is_echo = 1;
static int poller, count, connected, refused, wrong;
static struct Client *clients;
static float *samples;
static size_t sampled, room;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void record(double microseconds) {
  if (sampled == room) samples = realloc(samples, (room = room ? room * 2 : 1 << 20) * sizeof *samples);
  samples[sampled++] = microseconds;
}

static int ascending(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static double percentile(double share) { return sampled ? samples[(size_t)(share * (sampled - 1))] : 0; }

static void watch(struct Client *client, int operation, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = client};
  epoll_ctl(poller, operation, client->descriptor, &event);
}

static void open_all(int port, int at_once) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0, one = 1; i < count; i++) {
    struct Client *client = &clients[i];
    client->descriptor = socket(AF_INET, SOCK_STREAM | (at_once ? SOCK_NONBLOCK : 0), 0);
    if (client->descriptor < 0) perror("Cannot open a socket"), exit(1);
    setsockopt(client->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    client->started = now();
    int failed = connect(client->descriptor, (struct sockaddr *)&address, sizeof address);
    if (failed && errno != EINPROGRESS) perror("Cannot connect"), exit(1);
    if (at_once) watch(client, EPOLL_CTL_ADD, EPOLLOUT);
  }
}

static void send_rest(struct Client *client) {
  ssize_t sent = send(client->descriptor, message + client->sent, length - client->sent, MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN) perror("Cannot send"), exit(1);
  size_t before = client->sent;
  if (sent > 0) client->sent += sent;
  if (client->sent < length) watch(client, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
  else if (before > 0) watch(client, EPOLL_CTL_MOD, EPOLLIN);
}

static void begin(struct Client *client) {
  client->sent = client->received = 0;
  client->started = now();
  send_rest(client);
}

static int receive(struct Client *client) { // 1: the round trip is complete
  ssize_t received = recv(client->descriptor, buffer, sizeof buffer, MSG_DONTWAIT);
  if (received < 0 && errno == EAGAIN) return 0;
  if (received <= 0) fprintf(stderr, "The server ended a connection\n"), exit(1);
  if (client->received + received > expected ||
      (is_echo && memcmp(buffer, message + client->received, received) != 0)) wrong++;
  return (client->received += received) >= expected;
}

static void pingpong(int port, double seconds) {
  open_all(port, 0);
  for (int i = 0; i < count; i++) watch(&clients[i], EPOLL_CTL_ADD, EPOLLIN);
  struct epoll_event ready[1024];
  for (int i = 0; i < count; i++) begin(&clients[i]);
  for (int waiting = count; waiting > 0;) { // one round trip each: from here on all are accepted and warm
    int found = epoll_wait(poller, ready, 1024, 100);
    for (int i = 0; i < found; i++) {
      struct Client *client = ready[i].data.ptr;
      if ((ready[i].events & EPOLLOUT) && client->sent < length) send_rest(client);
      if ((ready[i].events & ~EPOLLOUT) && receive(client)) waiting--;
    }
  }
  double start = now(), end = start + seconds * 1e6, last = start;
  for (int i = 0; i < count; i++) begin(&clients[i]);
  while ((last = now()) < end) {
    int found = epoll_wait(poller, ready, 1024, 100);
    for (int i = 0; i < found; i++) {
      struct Client *client = ready[i].data.ptr;
      if ((ready[i].events & EPOLLOUT) && client->sent < length) send_rest(client);
      if (!(ready[i].events & ~EPOLLOUT) || !receive(client)) continue;
      record(now() - client->started);
      client->rounds++;
      begin(client);
    }
  }
  size_t complete = sampled;
  float *rounds = malloc(count * sizeof *rounds);
  // A client that still waits counts with the time it has waited, or starvation would be invisible.
  for (int i = 0; i < count; i++) {
    record(last - clients[i].started);
    rounds[i] = clients[i].rounds;
  }
  qsort(rounds, count, sizeof *rounds, ascending);
  double sum = 0;
  for (size_t i = 0; i < sampled; i++) sum += samples[i];
  qsort(samples, sampled, sizeof *samples, ascending);
  printf("{\"perSecond\":%.0f,\"mean\":%.1f,\"median\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,"
         "\"leastRounds\":%.0f,\"medianRounds\":%.0f,\"meanRounds\":%.1f,\"wrong\":%d}\n",
         complete / ((last - start) / 1e6), sum / sampled, percentile(0.5), percentile(0.99),
         percentile(0.999), percentile(1), rounds[0], rounds[count / 2], complete / (double)count, wrong);
}

static void burst(int port) {
  double start = now(), all_connected = 0;
  open_all(port, 1);
  struct epoll_event ready[1024];
  for (int echoed = 0; echoed + refused < count && now() < start + 60e6;) {
    int found = epoll_wait(poller, ready, 1024, 100);
    for (int i = 0; i < found; i++) {
      struct Client *client = ready[i].data.ptr;
      if (!client->connected) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(client->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
          refused++;
          close(client->descriptor);
          continue;
        }
        client->connected = 1;
        if (++connected == count) all_connected = now();
        watch(client, EPOLL_CTL_MOD, EPOLLIN);
        begin(client);
      } else if (receive(client)) {
        record(now() - start);
        watch(client, EPOLL_CTL_DEL, 0);
        echoed++;
      }
    }
  }
  printf("{\"connected\":%d,\"refused\":%d,\"allConnected\":%.0f,\"allEchoed\":%.0f,\"wrong\":%d}\n", connected,
         refused, all_connected ? all_connected - start : -1, now() - start, wrong);
}

static void read_request(const char *path, const char *response_length) {
  FILE *file = fopen(path, "rb");
  if (!file) perror(path), exit(1);
  message = malloc(256 * 1024);
  length = fread(message, 1, 256 * 1024, file);
  fclose(file);
  expected = atol(response_length);
  is_echo = 0;
}

int main(int argument_count, char **arguments) {
  signal(SIGPIPE, SIG_IGN);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (argument_count < 4) {
    fprintf(stderr, "Usage: see the first lines of load.c\n");
    return 1;
  }
  int port = atoi(arguments[2]);
  count = atoi(arguments[3]);
  clients = calloc(count, sizeof *clients);
  poller = epoll_create1(0);
  if (!strcmp(arguments[1], "ask") && argument_count == 7) {
    read_request(arguments[5], arguments[6]);
    pingpong(port, atof(arguments[4]));
    return wrong > 0;
  }
  if (argument_count > 4) length = expected = atoi(arguments[4]);
  message = malloc(length);
  for (size_t i = 0; i < length; i++) message[i] = i * 31;
  if (!strcmp(arguments[1], "pingpong")) {
    pingpong(port, argument_count > 5 ? atof(arguments[5]) : 3);
  } else if (!strcmp(arguments[1], "burst")) {
    burst(port);
  } else {
    open_all(port, 0);
    printf("{\"connected\":%d}\n", count);
    fflush(stdout);
    while (read(0, buffer, sizeof buffer) > 0) {
    }
  }
  return wrong > 0;
}
