/** For tests of programs that use Groundsight: a model without files. */
export { FakeBackend, type FakeBackendOptions } from "./fake-backend.js";
export {
  type FakeModelOptions,
  type FakeQuestion,
  fakeBackend,
  fakeModel,
} from "./fake-model.js";
export type { FakeToken } from "./fake-tokens.js";
