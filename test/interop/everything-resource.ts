/** The tools of the everything server, by their names in the conformance suite; each is allowed. */
const TOOLS = [
  'test_simple_text',
  'test_image_content',
  'test_audio_content',
  'test_embedded_resource',
  'test_multiple_content_types',
  'test_streaming_elicitation',
  'test_x_mcp_header',
  'json_schema_2020_12_tool',
  'test_error_handling',
  'test_tool_with_logging',
  'test_logging_tool',
  'test_tool_with_progress',
  'test_reconnection',
  'test_sampling',
  'test_elicitation',
  'test_elicitation_sep1034_defaults',
  'test_elicitation_sep1330_enums',
  'test_missing_capability',
  'test_input_required_result_elicitation',
  'test_input_required_result_sampling',
  'test_input_required_result_list_roots',
  'test_input_required_result_request_state',
  'test_input_required_result_multiple_inputs',
  'test_input_required_result_multi_round',
  'test_input_required_result_tampered_state',
  'test_input_required_result_capabilities',
  'test_trigger_tool_change',
  'test_trigger_prompt_change',
]
const PROMPTS = {
  test_simple_prompt: [],
  test_prompt_with_arguments: ['arg1', 'arg2'],
  test_prompt_with_embedded_resource: ['resourceUri'],
  test_prompt_with_image: [],
  test_input_required_result_prompt: [],
}

/** Configuration of the resource `everything` in tenant `acme`, and policies that let Ana's programs use all of it. */
export function everythingFiles(at: string): ReadonlyMap<string, string> {
  const text = { type: 'string' }
  const input = (names: readonly string[]) => ({
    input: { type: 'object', properties: Object.fromEntries(names.map((name) => [name, text])) },
  })
  const resource = {
    resource: 'everything',
    type: 'mcp',
    at,
    tools: Object.fromEntries(TOOLS.map((name) => [name, { hint: 'write' }])),
    prompts: Object.fromEntries(Object.entries(PROMPTS).map(([name, names]) => [name, input(names)])),
    contents: {
      text: { uri: 'test://static-text' },
      binary: { uri: 'test://static-binary' },
      watched: { uri: 'test://watched-resource' },
      template: { uri: 'test://template/{id}/data' },
    },
    asks: { sampling: true, elicitation: true, roots: true },
  }
  const delegation = {
    delegation: 'coder-everything',
    agent: 'coder',
    user: '*',
    tools: ['everything/*'],
  }
  // JSON is YAML.
  const documents = [resource, delegation].map((each) => JSON.stringify(each)).join('\n---\n')
  return new Map([
    ['acme/everything.yaml', documents],
    [
      'acme/everything.cedar',
      `@id("coder-everything") @claimed("yes")
permit (principal == Agent::"coder", action, resource == Resource::"everything");
@id("people-everything") permit (principal is User, action, resource == Resource::"everything");
`,
    ],
  ])
}
