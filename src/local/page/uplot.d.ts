/** The server serves uPlot's own ES module at this path. */
import uPlot from 'uplot';
export default uPlot;
