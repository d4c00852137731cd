import { address, addresses, attributes, contentReference, oneOf, status, text, truth } from './codec.js'
import { type FieldsOf, group, optional, repeated, required, since6 } from './layout.js'

/**
 * Every operation of MM7 (TS 23.140 §8.7, schema REL-6-MM7-1-4), its elements in the order of the schema. MM7Version comes
 * first in each and belongs to the dialect. What a message means nothing without is required; a strict schema asks for more.
 */

const senderIdentification = group(
  optional('vaspId', 'VASPID', text),
  optional('vasId', 'VASID', text),
  optional('senderAddress', 'SenderAddress', address),
)

const recipients = group(
  optional('to', 'To', addresses),
  optional('cc', 'Cc', addresses),
  optional('bcc', 'Bcc', addresses),
)

const messageClass = oneOf('Personal', 'Informational', 'Advertisement', 'Auto')
const priority = oneOf('Normal', 'High', 'Low')
const chargedParty = oneOf('Sender', 'Recipient', 'Both', 'Neither', 'ThirdParty', 'Other')
const contentClass = oneOf(
  'text',
  'image-basic',
  'image-rich',
  'video-basic',
  'video-rich',
  'megapixel',
  'content-basic',
  'content-rich',
)

const applications = [
  since6(optional('applicId', 'ApplicID', text)),
  since6(optional('replyApplicId', 'ReplyApplicID', text)),
  since6(optional('auxApplicInfo', 'AuxApplicInfo', text)),
] as const

const contents = [
  repeated('contents', 'Content', contentReference),
  since6(repeated('additionalInformation', 'AdditionalInformation', contentReference)),
] as const

const extraData = since6(
  optional(
    'extraData',
    'MessageExtraData',
    group(repeated('elements', 'element', group(required('key', 'key', text), required('value', 'value', text)))),
  ),
)

const answer = [required('status', 'Status', status)] as const
const capabilities = optional('uaCapabilities', 'UACapabilities', attributes('UAProf', 'TimeStamp'))

export const OPERATIONS = {
  SubmitReq: [
    optional('senderIdentification', 'SenderIdentification', senderIdentification),
    optional('recipients', 'Recipients', recipients),
    since6(optional('preferredChannels', 'PreferredChannels', text)),
    optional('serviceCode', 'ServiceCode', text),
    optional('linkedId', 'LinkedID', text),
    optional('messageClass', 'MessageClass', messageClass),
    optional('timeStamp', 'TimeStamp', text),
    since6(optional('replyCharging', 'ReplyCharging', attributes('replyChargingSize', 'replyDeadline'))),
    since6(optional('earliestDeliveryTime', 'EarliestDeliveryTime', text)),
    optional('expiryDate', 'ExpiryDate', text),
    optional('deliveryReport', 'DeliveryReport', truth),
    optional('readReply', 'ReadReply', truth),
    optional('priority', 'Priority', priority),
    optional('subject', 'Subject', text),
    optional('chargedParty', 'ChargedParty', chargedParty),
    since6(optional('chargedPartyId', 'ChargedPartyID', text)),
    since6(optional('thirdPartyPayer', 'ThirdPartyPayer', address)),
    optional('distributionIndicator', 'DistributionIndicator', truth),
    since6(optional('deliveryCondition', 'DeliveryCondition', group(repeated('conditions', 'DC', text)))),
    ...applications,
    since6(optional('contentClass', 'ContentClass', contentClass)),
    since6(optional('drmContent', 'DRMContent', truth)),
    ...contents,
    extraData,
  ],
  SubmitRsp: [...answer, optional('messageId', 'MessageID', text)],
  CancelReq: [
    optional('senderIdentification', 'SenderIdentification', senderIdentification),
    required('messageId', 'MessageID', text),
    optional('recipients', 'Recipients', recipients),
    ...applications,
  ],
  CancelRsp: [...answer],
  ReplaceReq: [
    optional('senderIdentification', 'SenderIdentification', senderIdentification),
    required('messageId', 'MessageID', text),
    optional('serviceCode', 'ServiceCode', text),
    optional('timeStamp', 'TimeStamp', text),
    optional('readReply', 'ReadReply', truth),
    since6(optional('earliestDeliveryTime', 'EarliestDeliveryTime', text)),
    optional('distributionIndicator', 'DistributionIndicator', truth),
    since6(optional('contentClass', 'ContentClass', contentClass)),
    since6(optional('drmContent', 'DRMContent', truth)),
    ...applications,
    ...contents,
    extraData,
  ],
  ReplaceRsp: [...answer],
  extendedCancelReq: [
    optional('senderIdentification', 'SenderIdentification', senderIdentification),
    required('cancelId', 'CancelID', text),
  ],
  extendedCancelRsp: [...answer],
  extendedReplaceReq: [
    optional('vaspId', 'VASPID', text),
    optional('vasId', 'VASID', text),
    optional('serviceCode', 'ServiceCode', text),
    optional('replaceId', 'ReplaceID', text),
    optional('timeStamp', 'TimeStamp', text),
    optional('earliestDeliveryTime', 'EarliestDeliveryTime', text),
    optional('expiryDate', 'ExpiryDate', text),
    optional('readReply', 'ReadReply', truth),
    optional('deliveryReport', 'DeliveryReport', truth),
    ...contents,
  ],
  extendedReplaceRsp: [optional('messageId', 'MessageID', text), ...answer],
  DeliverReq: [
    optional('mmsRelayServerId', 'MMSRelayServerID', text),
    optional('vaspId', 'VASPID', text),
    optional('vasId', 'VASID', text),
    optional('linkedId', 'LinkedID', text),
    required('sender', 'Sender', address),
    optional('recipients', 'Recipients', recipients),
    optional('previouslySentBy', 'Previouslysentby', group(repeated('userAgents', 'UserAgent', text))),
    optional('previouslySentAt', 'Previouslysentdateandtime', group(repeated('times', 'DateTime', text))),
    optional('senderSpi', 'SenderSPI', text),
    optional('recipientSpi', 'RecipientSPI', text),
    optional('timeStamp', 'TimeStamp', text),
    optional('replyChargingId', 'ReplyChargingID', text),
    optional('priority', 'Priority', priority),
    optional('subject', 'Subject', text),
    ...applications,
    capabilities,
    ...contents,
    extraData,
  ],
  DeliverRsp: [...answer, optional('serviceCode', 'ServiceCode', text)],
  DeliveryReportReq: [
    optional('mmsRelayServerId', 'MMSRelayServerID', text),
    required('messageId', 'MessageID', text),
    optional('recipient', 'Recipient', address),
    optional('sender', 'Sender', address),
    optional('date', 'Date', text),
    required('mmStatus', 'MMStatus', text),
    optional('mmStatusExtension', 'MMStatusExtension', text),
    optional('statusText', 'StatusText', text),
    ...applications,
    capabilities,
  ],
  DeliveryReportRsp: [...answer],
  ReadReplyReq: [
    optional('mmsRelayServerId', 'MMSRelayServerID', text),
    required('messageId', 'MessageID', text),
    optional('recipient', 'Recipient', address),
    optional('sender', 'Sender', address),
    optional('timeStamp', 'TimeStamp', text),
    required('mmStatus', 'MMStatus', text),
    optional('statusText', 'StatusText', text),
    ...applications,
  ],
  ReadReplyRsp: [...answer],
  RSErrorRsp: [...answer],
  VASPErrorRsp: [...answer],
} as const

export type Operation = keyof typeof OPERATIONS
/** What an operation says. */
export type Fields<Op extends Operation> = FieldsOf<(typeof OPERATIONS)[Op]>
/** Any message of MM7, or one of a given operation. */
export type Mm7Message<Op extends Operation = Operation> = {
  readonly [O in Op]: { readonly operation: O } & Fields<O>
}[Op]

export const isOperation = (name: string): name is Operation => Object.hasOwn(OPERATIONS, name)
