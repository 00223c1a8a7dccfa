/** Where a setting stands: at the top of config.json, in the part of a model of it, or in generation_config.json. */
export type SettingPart = "top" | "text" | "vision" | "generation";

/** Settings of one kind, and who sees to them. */
export interface SettingGroup {
  /**
   * "engine": read, compared with the graphs or refused, so that a change shows. "graph": an export holds it, in operators,
   * sizes or weights. "request": left to whoever asks. "elsewhere": another file or field is read instead. "nobody": it
   * changes no number of an answer.
   */
  readonly who: "engine" | "graph" | "request" | "elsewhere" | "nobody";
  readonly why: string;
  readonly fields: Readonly<Partial<Record<SettingPart, string>>>;
}

/** Fields that every configuration of transformers may have. */
const COMMON =
  "architectures torch_dtype dtype id2label label2id problem_type return_dict output_hidden_states output_attentions is_encoder_decoder chunk_size_feed_forward transformers_version name_or_path model_max_length auto_map use_cache initializer_range initializer_factor embedding_initializer_range";

/** Every setting of the families' configurations that is known here, in groups: what none names is not known. */
export const SETTING_GROUPS: readonly SettingGroup[] = [
  {
    who: "engine",
    why: "read for prompts, positions, images and the length of the context",
    fields: {
      top: "model_type image_token_id image_token_index boi_token_id boi_token_index eoi_token_id eoi_token_index downsample_factor use_image_special_tokens",
      text: "max_position_embeddings sliding_window use_sliding_window",
      vision: "patch_size spatial_merge_size temporal_patch_size",
      generation: "eos_token_id max_new_tokens",
    },
  },
  {
    who: "engine",
    why: "compared with the graphs, or refused where no export can follow",
    fields: {
      text: "hidden_size num_hidden_layers num_kv_shared_layers vocab_size layer_types rope_type type",
    },
  },
  {
    who: "graph",
    why: "sizes that the graphs declare; read where one leaves a size of its cache open",
    fields: {
      top: "hidden_size vocab_size projection_dim projector_hidden_size mm_hidden_size",
      text: "num_attention_heads num_key_value_heads head_dim global_head_dim num_global_key_value_heads conv_L_cache linear_conv_kernel_dim linear_key_head_dim linear_value_head_dim linear_num_key_heads linear_num_value_heads intermediate_size moe_intermediate_size shared_expert_intermediate_size vocab_size_per_layer_input hidden_size_per_layer_input per_layer_config block_multiple_of block_ffn_dim_multiplier block_auto_adjust_ff_dim full_attn_idxs",
      vision:
        "hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads num_heads head_dim depth embed_dim mlp_ratio in_channels in_chans num_channels image_size spatial_patch_size out_hidden_size projection_dim num_patches num_position_embeddings max_position_embeddings position_embedding_size num_image_tokens",
    },
  },
  {
    who: "graph",
    why: "acts within the layers: exporters trace it into operators or fold it into weights",
    fields: {
      top: "tie_word_embeddings",
      text: "tie_word_embeddings hidden_act hidden_activation activation_function rms_norm_eps layer_norm_eps norm_eps layer_norm_epsilon norm_epsilon attention_bias attention_out_bias mlp_bias conv_bias qk_layernorm use_qk_norm attn_scale attention_k_eq_v attention_multiplier residual_multiplier resid_scale embedding_multiplier scale_embeddings logit_scale logits_scaling query_pre_attn_scalar use_double_wide_mlp enable_moe_block num_experts num_local_experts num_experts_per_tok top_k_experts norm_topk_prob decoder_sparse_step mlp_only_layers use_bidirectional_attention position_embedding_type max_window_layers sliding_window_pattern _sliding_window_pattern final_logit_softcapping attn_logit_softcapping",
      vision:
        "hidden_act hidden_activation rms_norm_eps layer_norm_eps attention_bias use_clipped_linears standardize vision_use_head window_size fullatt_block_indexes deepstack_visual_indexes tokens_per_second pooling_kernel_size do_pooling architecture model_args",
    },
  },
  {
    who: "graph",
    why: "angles of rotary embeddings, of types that do not depend on the prompt's length",
    fields: {
      text: "rope_parameters rope_scaling rope_theta rope_local_base_freq global_rope_theta partial_rotary_factor mrope_section mrope_interleaved",
      vision: "rope_parameters rope_theta",
    },
  },
  {
    who: "graph",
    why: "which features of an image there are, and how many: the vision graph gives them",
    fields: {
      top: "scale_factor image_seq_length mm_tokens_per_image vision_feature_layer vision_feature_select_strategy multimodal_projector_bias projector_hidden_act projector_bias projector_use_layernorm mm_projector_type mm_vision_tower mm_vision_select_layer mm_vision_select_feature",
      text: "num_image_tokens",
    },
  },
  {
    who: "graph",
    why: "LLaVA-OneVision's tiles: its graphs take an image as one, as docs/models.md tells",
    fields: { top: "image_grid_pinpoints vision_aspect_ratio image_aspect_ratio" },
  },
  {
    who: "elsewhere",
    why: "generation_config.json holds where it tells one, and the top of config.json before its parts",
    fields: { top: "eos_token_id", text: "eos_token_id" },
  },
  {
    who: "elsewhere",
    why: "the chat template or the tokenizer writes these tokens",
    fields: {
      top: "bos_token_id vision_start_token_id vision_end_token_id vision_token_id",
      text: "bos_token_id",
      generation: "bos_token_id decoder_start_token_id",
    },
  },
  {
    who: "nobody",
    why: "prompts are not padded; of Gemma 4 it is read, and shows",
    fields: { top: "pad_token_id", text: "pad_token_id", generation: "pad_token_id" },
  },
  {
    who: "nobody",
    why: "films and sound are not taken",
    fields: {
      top: "video_token_id video_token_index audio_token_id boa_token_id eoa_token_id eoa_token_index audio_config",
    },
  },
  {
    who: "nobody",
    why: "training, names, and how Python returns or keeps things",
    fields: {
      top: `${COMMON} text_config phi_config vision_config transformers.js_config quantization_config`,
      text: `${COMMON} model_type attention_dropout embd_pdrop resid_pdrop pretraining_tp output_router_logits router_aux_loss_coef`,
      vision: `${COMMON} model_type attention_dropout`,
      generation:
        "transformers_version use_cache cache_implementation cache_config max_cache_len low_memory compile_config disable_compile continuous_batching_config prefill_chunk_size return_dict_in_generate output_scores output_logits output_attentions output_hidden_states is_assistant assistant_confidence_threshold assistant_early_exit assistant_ensemble_weight assistant_lookbehind target_lookbehind num_assistant_tokens num_assistant_tokens_schedule prompt_lookup_num_tokens max_matching_ngram_size speculation_type use_mtp",
    },
  },
  {
    who: "request",
    why: "how tokens are drawn is said by who asks; answers are greedy by default",
    fields: {
      generation:
        "do_sample temperature top_k top_p min_p typical_p epsilon_cutoff eta_cutoff repetition_penalty no_repeat_ngram_size num_beams num_return_sequences length_penalty early_stopping max_length min_length min_new_tokens penalty_alpha suppress_tokens begin_suppress_tokens bad_words_ids guidance_scale stop_strings forced_bos_token_id forced_eos_token_id force_words_ids constraints sequence_bias top_h diversity_penalty num_beam_groups encoder_repetition_penalty encoder_no_repeat_ngram_size exponential_decay_length_penalty dola_layers watermarking_config renormalize_logits remove_invalid_values token_healing max_time",
    },
  },
];

const GROUPS: ReadonlyMap<string, SettingGroup> = new Map(
  SETTING_GROUPS.flatMap((group) =>
    Object.entries(group.fields).flatMap(([part, names]) =>
      names.split(" ").map((name): [string, SettingGroup] => [`${part} ${name}`, group]),
    ),
  ),
);

/** Names that only training, or a class of Python, reads. */
const OF_TRAINING = /^_|initializer|dropout|aux_loss/;

/**
 * Who sees to a setting.
 *
 * @returns undefined for one that is not known here
 */
export function settingGroup(part: SettingPart, name: string): SettingGroup | undefined {
  const known = GROUPS.get(`${part} ${name}`);
  return known ?? (OF_TRAINING.test(name) ? GROUPS.get("top transformers_version") : undefined);
}
