// Clients of a chat over epoll in one thread; prints one line of JSON.
//   cc -O2 -o chat_load chat_load.c
//   ./chat_load <port> <clients> <talkers> <window> <bytes> <seconds>
// All join. Then each talker says texts of so many bytes, at most `window` ahead of what it has heard
// from all talkers. All messages have the same length, so that counting bytes counts messages.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct Client {
  int descriptor;
  long long heard; // bytes since all have joined
  long long said;  // messages
  double last;     // when it spoke last
};

static char buffer[256 * 1024], say[32 * 1024];
static int poller, count, talkers, window;
static size_t say_length;
static struct Client *clients;

static float *samples; // seconds between two messages of a talker, in which it heard from all
static size_t sampled, room;

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static size_t encode(char *message, const char *content) {
  int length = sprintf(message + 2,
                       "{\"byteorder\":\"little\",\"content-type\":\"text/json\","
                       "\"content-encoding\":\"utf-8\",\"content-length\":%zu}",
                       strlen(content));
  message[0] = length >> 8, message[1] = length;
  return 2 + length + sprintf(message + 2 + length, "%s", content);
}

static void record(double sample) {
  if (sampled == room) samples = realloc(samples, (room = room ? room * 2 : 1 << 16) * sizeof *samples);
  samples[sampled++] = sample;
}

static int ascending(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void fail(const char *what) { perror(what), exit(1); }

static void send_all(struct Client *client, const char *message, size_t length) {
  for (size_t sent = 0; sent < length;) { // what it says is far less than what a socket holds
    ssize_t n = send(client->descriptor, message + sent, length - sent, MSG_NOSIGNAL);
    if (n < 0) fail("Cannot send");
    sent += n;
  }
}

static size_t read_some(struct Client *client) {
  ssize_t n = recv(client->descriptor, buffer, sizeof buffer, MSG_DONTWAIT);
  if (n == 0) fprintf(stderr, "The server closed a connection\n"), exit(1);
  if (n < 0 && errno != EAGAIN) fail("Cannot receive");
  return n < 0 ? 0 : n;
}

static void receive_all(struct Client *client, size_t left) {
  for (ssize_t n; left > 0; left -= n) {
    n = recv(client->descriptor, buffer, left < sizeof buffer ? left : sizeof buffer, 0);
    if (n <= 0) fail("Cannot join");
  }
}

static void join(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  char content[100], message[300];
  size_t length = 0;
  for (int i = 0, one = 1; i < count; i++) {
    clients[i].descriptor = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(clients[i].descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(clients[i].descriptor, (struct sockaddr *)&address, sizeof address)) fail("Cannot connect");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
    epoll_ctl(poller, EPOLL_CTL_ADD, clients[i].descriptor, &event);
    sprintf(content, "{\"type\":\"join\",\"name\":\"client%05d\"}", i);
    length = encode(message, content);
    send_all(&clients[i], message, length);
    receive_all(&clients[i], length); // its own join, before the next one joins
  }
  for (int i = 0; i < count; i++) receive_all(&clients[i], length * (count - i - 1));
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  count = atoi(argv[2]), talkers = atoi(argv[3]), window = atoi(argv[4]);
  int bytes = atoi(argv[5]);
  double duration = atof(argv[6]);
  clients = calloc(count, sizeof *clients);
  poller = epoll_create1(0);
  join(atoi(argv[1]));

  char *text = malloc(bytes + 1), content[30 * 1024], message[32 * 1024];
  memset(text, 'x', bytes), text[bytes] = 0;
  sprintf(content, "{\"type\":\"say\",\"text\":\"%s\"}", text);
  say_length = encode(say, content);
  sprintf(content, "{\"type\":\"say\",\"name\":\"client00000\",\"text\":\"%s\"}", text);
  size_t length = encode(message, content);

  long long heard = 0, reads = 0;
  double started = seconds(), now = started;
  struct epoll_event events[512];
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  for (int i = 0; i < talkers; i++) {
    clients[i].last = started;
    for (; clients[i].said < window; clients[i].said++) send_all(&clients[i], say, say_length);
  }
  while ((now = seconds()) - started < duration) {
    int ready = epoll_wait(poller, events, 512, 100);
    for (int i = 0; i < ready; i++) {
      struct Client *client = events[i].data.ptr;
      size_t n = read_some(client);
      client->heard += n, heard += n, reads++;
      if (client - clients >= talkers) continue;
      for (; client->said < window + client->heard / (long long)length / talkers; client->said++) {
        send_all(client, say, say_length);
        record(now - client->last);
        client->last = now;
      }
    }
  }
  getrusage(RUSAGE_SELF, &after);
  double busy = after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec +
                (after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
  double sum = 0;
  float *said = malloc(talkers * sizeof *said);
  for (int i = 0; i < talkers; i++) { // one that still waits counts with the time it has waited
    record(now - clients[i].last);
    said[i] = clients[i].said;
  }
  for (size_t i = 0; i < sampled; i++) sum += samples[i];
  qsort(samples, sampled, sizeof *samples, ascending);
  qsort(said, talkers, sizeof *said, ascending);
  printf("{\"delivered\":%.0f,\"reads\":%.0f,\"busy\":%.3f,\"mean\":%.6f,\"p999\":%.6f,"
         "\"leastSaid\":%.0f,\"medianSaid\":%.0f}\n",
         heard / (double)length / (now - started), reads / (now - started), busy / (now - started), sum / sampled,
         samples[(size_t)(0.999 * (sampled - 1))], said[0], said[talkers / 2]);
  return 0;
}
