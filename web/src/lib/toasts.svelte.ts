/** Short messages at the bottom of the page, some with one thing to do about them. */

export interface Toast {
  id: number;
  text: string;
  tone: 'plain' | 'good' | 'bad';
  action?: { label: string; run: () => void };
}

/** Time enough to read, and to reach for "Undo" (ms). */
const SHOW = 4_000;
const SHOW_WITH_ACTION = 8_000;
const MAX_SHOWN = 3;

class Toasts {
  list = $state.raw<Toast[]>([]);
  private next = 0;

  show(text: string, tone: Toast['tone'] = 'plain', action?: Toast['action']): void {
    const id = this.next++;
    // Good news replaces older good news, and the same words twice would only be noise.
    const stale = (toast: Toast) => toast.text === text || (tone === 'good' && toast.tone === 'good');
    const others = this.list.filter((toast) => !stale(toast));
    this.list = [...others, { id, text, tone, ...(action ? { action } : {}) }].slice(-MAX_SHOWN);
    setTimeout(() => this.dismiss(id), action ? SHOW_WITH_ACTION : SHOW);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
