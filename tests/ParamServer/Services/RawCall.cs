using System.Net;

namespace DistSgd.ParamServer.Tests.Services;

/// <summary>A call of <c>distsgd.v1.Parameters</c> as an HTTP/2 request of whatever bytes: for what no client of gRPC would send.</summary>
internal static class RawCall
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Sends and returns when the answer's headers are there.</summary>
    /// <param name="address">host:port.</param>
    /// <param name="method">Name of the method.</param>
    /// <param name="body">The body.</param>
    /// <param name="staysOpen">Whether the request never ends.</param>
    /// <param name="timeout">The header grpc-timeout.</param>
    public static async Task<HttpResponseMessage> SendAsync(string address, string method, byte[] body, bool staysOpen = false, string? timeout = null)
    {
        using var http = new HttpMessageInvoker(new SocketsHttpHandler());
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{address}/distsgd.v1.Parameters/{method}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new Body(body, staysOpen),
        };
        request.Content.Headers.TryAddWithoutValidation("content-type", "application/grpc");
        request.Headers.TryAddWithoutValidation("te", "trailers");
        if (timeout is not null)
            request.Headers.TryAddWithoutValidation("grpc-timeout", timeout);
        HttpResponseMessage response = await http.SendAsync(request, CancellationToken.None).WaitAsync(Patience);
        if (!staysOpen)
            await response.Content.ReadAsByteArrayAsync().WaitAsync(Patience);
        return response;
    }

    /// <summary>A header, or else a trailer.</summary>
    public static string Header(HttpResponseMessage response, string name) =>
        (response.Headers.TryGetValues(name, out IEnumerable<string>? values) || response.TrailingHeaders.TryGetValues(name, out values) ? values : ["none"]).Single();

    private sealed class Body(byte[] bytes, bool staysOpen) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(bytes, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            if (staysOpen)
                await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
