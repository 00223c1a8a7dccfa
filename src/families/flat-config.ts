type Fields = Readonly<Record<string, unknown>>;

/**
 * A config.json with the language model's fields in `text_config`, where newer checkpoints have them: taken from
 * `phi_config`, or from the top of a flat file. A file that has them nowhere comes back as it is, for the family to refuse.
 */
export function withTextConfig(config: unknown): unknown {
  if (!isFields(config) || isFields(config.text_config)) return config;
  if (isFields(config.phi_config)) return { ...config, text_config: config.phi_config };
  return config.max_position_embeddings === undefined ? config : { ...config, text_config: config };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
