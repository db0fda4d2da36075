import { assertEquals } from "@std/assert";
import { PYTHON } from "../support/python.ts";
import { agrees, type Vector } from "../support/struct_vectors.ts";

Deno.test({
  name: "pack and unpack agree with this machine's Python on random formats",
  ignore: PYTHON === undefined,
  async fn(t) {
    const seed = Math.floor(Math.random() * 2 ** 32);
    await t.step(`seed ${seed}`, async () => {
      const script = `${import.meta.dirname}/../support/python/struct_vectors.py`;
      const args = [script, String(seed), "3000"];
      const { stdout } = await new Deno.Command(PYTHON!, { args }).output();
      const vectors: Vector[] = JSON.parse(new TextDecoder().decode(stdout));
      assertEquals(vectors.length, 9000);
      for (const vector of vectors) agrees(vector);
    });
  },
});
