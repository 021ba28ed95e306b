import { dictionary } from "../../words/dictionary.ts";

/** Words of the webhook that is told of findings. */
export const deliveryWords = dictionary("delivery", {
  view: "View", findings: "Findings", delivery: "Delivery", title: "Webhook", state: "State",
  off: "Nobody is told of findings. A signed webhook can be, once the server's configuration names one:", offThen: "SIGHUP reads it again. Then send a test from here.", noNotifier: "This server tells nobody of findings.",
  works: "Delivering", idle: "Nothing to deliver yet", retrying: "Not taken, trying again", waiting: "On its way", someLost: "Delivering again, some were given up", allLost: "Nothing is taken, messages were given up",
  receiver: "Receiver", signed: "Signed with", secrets: (n: number) => (n === 1 ? "one secret" : `${n} secrets, while they are rotated`), last: "Last taken", never: "never",
  pending: "Waiting", pendingTold: "Messages that the receiver has not taken yet", held: "Held for a digest", heldTold: "Findings beyond the budget; the next digest tells of them", delivered: "Delivered", deliveredTold: "Messages of the last 30 days that were taken",
  dead: "Given up", deadTold: "Messages of the last 30 days that were never taken; a digest tells of their findings", lastError: "What the receiver answered last",
  test: "Send a test", testHint: "Sends one signed test message, once.", onlyAdmin: "An administrator can send a test.", sending: "Sending", took: (id: string) => `The receiver took the test message ${id}`, notTaken: (why: string) => `The receiver did not take the test: ${why}`,
  list: "Messages that were given up", none: "No message was given up in the last 30 days.", when: "Given up", kind: "Kind", about: "About", tries: "Tries", why: "Why", finding: "Finding", digest: "Digest",
}, {
  view: "视图", findings: "告警", delivery: "推送", title: "Webhook 推送", state: "状态",
  off: "现在告警不通知任何人。在服务器配置里写上接收地址，就会发出带签名的 webhook：", offThen: "SIGHUP 后生效，再从这里发一条测试。", noNotifier: "这台服务器不推送告警。",
  works: "推送正常", idle: "还没有要推送的", retrying: "接收方未接收，正在重试", waiting: "推送中", someLost: "推送已恢复，有消息已放弃", allLost: "没有送达，有消息已放弃",
  receiver: "接收方", signed: "签名", secrets: (n) => (n === 1 ? "一个密钥" : `${n} 个密钥，轮换中`), last: "最近送达", never: "从未",
  pending: "待送", pendingTold: "接收方还没有接收的消息", held: "留待汇总", heldTold: "超出限额的告警，会列入下一条汇总", delivered: "已送达", deliveredTold: "最近 30 天接收方已接收的消息",
  dead: "已放弃", deadTold: "最近 30 天始终未被接收的消息，其中的告警会列入汇总", lastError: "接收方上一次的回答",
  test: "发测试消息", testHint: "发一条带签名的测试消息，只发一次。", onlyAdmin: "管理员可以发测试消息。", sending: "发送中", took: (id) => `接收方已接收测试消息 ${id}`, notTaken: (why) => `接收方没有接收测试消息：${why}`,
  list: "已放弃的消息", none: "最近 30 天没有放弃过消息。", when: "放弃时间", kind: "类型", about: "内容", tries: "次数", why: "原因", finding: "告警", digest: "汇总",
});
