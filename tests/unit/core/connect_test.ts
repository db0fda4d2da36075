import { assertRejects } from "@std/assert";
import { connect } from "../../../app/core/connect.ts";
import { fullListener } from "../../support/full_listener.ts";

Deno.test({
  name: "connect() gives up a server that does not answer",
  ignore: Deno.build.os === "windows", // where a full backlog refuses
  async fn() {
    using server = await fullListener();
    await assertRejects(() => connect(server.addr, 50), Error, "No connection within 0.05 s");
  },
});
