/** The canvas that everything stands on, in its own pixels. */
export const stage = { width: 1920, height: 1080 };

const shifts = 64; // places of the path against burn-in, one a minute
const reach = 8; // pixels

function scale(): number {
  return Math.min(innerWidth / stage.width, innerHeight / stage.height);
}

/** sharpness is how many dots of the screen a pixel of the canvas has: what is drawn is not blurred by the scale. */
export function sharpness(): number {
  return Math.min(3, Math.max(1, Math.ceil(2 * scale() * devicePixelRatio) / 2));
}

/** shift is by how much everything is moved in a minute, so that nothing burns in. */
export function shift(minute: number): [x: number, y: number] {
  const t = (2 * Math.PI * (minute % shifts)) / shifts;
  return [Math.round(reach * Math.sin(t)), Math.round(reach * Math.sin(2 * t))];
}

/** startStage fits the canvas to the window now and whenever either changes. */
export function startStage(of: HTMLElement): void {
  const fit = () => {
    const s = scale();
    const [x, y] = shift(Math.floor(Date.now() / 60_000));
    of.style.transform = `translate(${(innerWidth - s * stage.width) / 2 + x * s}px,${(innerHeight - s * stage.height) / 2 + y * s}px) scale(${s})`;
  };
  addEventListener("resize", fit);
  setInterval(fit, 60_000);
  fit();
}
