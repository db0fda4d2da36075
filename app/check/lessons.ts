// Where the tutorial explains what a check is about: a page and a heading on it, for each topic. It is all that
// the checks know about the tutorial, and a test holds it to the pages.

/** A heading on a page. */
export interface Place {
  page: string;
  heading: string;
}

const tutorial = (heading: string): Place => ({ page: "README.md", heading });
const checker = (heading: string): Place => ({ page: "app/check/README.md", heading });
const web = (heading: string): Place => ({ page: "app/examples/web_server.md", heading });

export const lessons = {
  // Step 1
  echo: tutorial("The smallest server"),
  writeAll: tutorial("Write all of it"),
  resets: tutorial("Be rude"),
  robustServer: tutorial("One more reset"),
  client: tutorial("The echo client"),
  halfClose: tutorial("The echo client"),
  // Step 2
  oneAtATime: tutorial("The second client waits"),
  manyClients: tutorial("One word less"),
  harmedByReset: tutorial("Whom a reset harms"),
  backpressure: tutorial("Backpressure"),
  oneTooMany: tutorial("A limit on clients"),
  countExercise: tutorial("Exercises of step 2"),
  // Step 3
  bytes: tutorial("A stream has no messages"),
  byteOrder: tutorial("Byte order"),
  protocol: tutorial("The protocol"),
  oneRead: tutorial("One read, one request"),
  messages: tutorial("One byte at a time"),
  notJson: tutorial("What isn't JSON"),
  trustNothing: tutorial("Trust nothing"),
  deadlines: tutorial("Deadlines"),
  brokenConnection: tutorial("A connection that breaks"),
  limits: tutorial("What a server must refuse"),
  action: tutorial("An action of your own"),
  appExercises: tutorial("Exercises of step 3"),
  // Step 4
  speaksFirst: tutorial("A server that speaks first"),
  slowReader: tutorial("A guest who doesn't read"),
  outbox: tutorial("An outbox for everybody"),
  chatMessages: tutorial("The messages of the chat"),
  pings: tutorial("A guest who falls silent"),
  chatExercises: tutorial("Exercises of step 4"),
  // The page of the checker
  command: checker("It starts your program"),
  brokenPipe: checker("When SIGPIPE ends your server"),
  // The page about a web server
  webPage: web("Seven lines are enough"),
  webMany: web("A second connection"),
  webEnd: web("Where a page ends"),
  webRead: web("One request after the other"),
  webWrite: web("One write"),
  webBody: web("What a form sends"),
  webErrors: web("Say no"),
  webSmuggling: web("What two could read in two ways"),
  webFiles: web("Files, and paths that climb out"),
} satisfies Record<string, Place>;

/** A topic of the tutorial. */
export type Lesson = keyof typeof lessons;
