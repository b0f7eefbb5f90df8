/** For a page that was put on the home screen: something better than the browser's error when the party is away. */
import { below } from './base';

export function standBy(): void {
  // Only over https (or on the machine itself) do browsers allow it, and only an installed page needs it.
  if (!('serviceWorker' in navigator) || !isSecureContext) return;
  if (!matchMedia('(display-mode: standalone)').matches) return;
  void navigator.serviceWorker.register(below('sw.js'), { scope: below('') }).catch(() => undefined);
}
