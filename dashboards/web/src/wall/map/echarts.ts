// What the map needs of ECharts, in a file of its own that is loaded with it.
import { ScatterChart } from "echarts/charts";
import { GeoComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";

echarts.use([ScatterChart, GeoComponent, LabelLayout, CanvasRenderer]);

export { echarts };
export type Chart = echarts.ECharts;
