declare const tag: unique symbol
type Tagged<T, N extends string> = T & { readonly [tag]: N }

/** The non-CPM service identifier: which service of the provider a request came from or goes to (`ID-24`). */
export type ServiceId = Tagged<string, 'ServiceId'>
/** imdn.Message-ID: names one message between its sender and its recipients (RFC 5438 §6.3). */
export type MessageId = Tagged<string, 'MessageId'>
/** Conversation-ID header value (`ID-22`). */
export type ConversationId = Tagged<string, 'ConversationId'>
/** Contribution-ID header value (`ID-21`). */
export type ContributionId = Tagged<string, 'ContributionId'>
/** What a service calls a message; octets as received, only its adapter reads inside. */
export type ServiceMessageId = Tagged<string, 'ServiceMessageId'>
/** An absolute URI in its normal form (`ID-01`); made by `normalUri` and the address mappers only. */
export type Uri = Tagged<string, 'Uri'>
