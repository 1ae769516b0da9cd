/** What the generated validators report: ajv's error objects, as far as they are used here. */

export interface SchemaError {
  /** JSON Pointer to the value that breaks the rule. */
  readonly instancePath: string;
  /** The rule: `type`, `required`, `enum`, ... */
  readonly keyword: string;
  readonly schemaPath: string;
  readonly params: Readonly<Record<string, unknown>>;
}
