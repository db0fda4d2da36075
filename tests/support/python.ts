// Python, for the tests that run its programs.
import { works } from "./programs.ts";

const command = ["python3", "python"].find((command) => works(command, "--version"));

/** Where Python is, if it is installed. The command itself may be a script that takes its time to find it. */
export const PYTHON: string | undefined = command && locate(command);

function locate(command: string): string {
  const args = ["-c", "import sys; print(sys.executable)"];
  const { stdout } = new Deno.Command(command, { args }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}
