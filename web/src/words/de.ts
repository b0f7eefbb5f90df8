/** German. */
import type { Catalogue } from '../lib/words';

const de: Catalogue = {};
export default de;
