/* For the tab of a test: what is drawn in each chart, in pixels by colour. A plain expression, its value is the answer. */
Object.fromEntries(
  [...document.querySelectorAll('figure[data-chart]')].map((figure) => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => {
      const hex = Number.parseInt(style.getPropertyValue(name).trim().slice(1), 16);
      return [hex >> 16, (hex >> 8) & 255, hex & 255];
    };
    const colours = Object.entries({
      line: colour(`--line-${Number(figure.dataset.colour ?? 0) + 1}`),
      defect: colour('--defect'),
      error: colour('--bad'),
      warning: colour('--warning'),
    });
    const found = { line: 0, defect: 0, error: 0, warning: 0 };
    const canvas = figure.querySelector('canvas');
    if (!canvas) return [figure.dataset.chart, found];

    const copy = document.createElement('canvas');
    copy.width = canvas.width;
    copy.height = canvas.height;
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] < 150) continue;
      for (const [name, parts] of colours) {
        const distance = parts.reduce((sum, part, index) => sum + Math.abs(part - data[at + index]), 0);
        if (distance < 30) found[name] += 1;
      }
    }
    return [figure.dataset.chart, found];
  }),
);
