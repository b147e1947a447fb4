// What the service told the page: where its calls are, and what it takes.
// {apiPrefix, maxUploadBytes, maxBatchSize, minFaceSize, auth, firebase, socketIoClient, socketIoTransports}
export const settings = Object.freeze(JSON.parse(document.documentElement.dataset.settings));
