import type { PreTrainedTokenizer } from "@huggingface/transformers";
import type { ChatPart, PromptTools } from "../engine/family.js";

/** The engine's view of a transformers.js tokenizer. */
export function promptTools(tokenizer: PreTrainedTokenizer): PromptTools {
  return {
    render(parts) {
      const content = structuredClone(parts) as ChatPart[];
      // Its types know only text content; its templates take the parts of a multimodal turn.
      const messages = [{ role: "user", content: content as unknown as string }];
      const rendered = tokenizer.apply_chat_template(messages, {
        tokenize: false,
        add_generation_prompt: true,
      });
      return rendered as string;
    },
    encode: (text) => tokenizer.encode(text, { add_special_tokens: false }),
    decode: (ids) =>
      ids.length === 0 ? "" : tokenizer.decode([...ids], { skip_special_tokens: true }),
  };
}
