declare const ICONS: string;
declare module "*.css";
declare module "screens:all";
