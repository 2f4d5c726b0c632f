using System.IO.Compression;
using System.Net.Http.Headers;
using DistSgd.Grpc.Tests.V1;
using Google.Protobuf;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Compression;
using Microsoft.Extensions.DependencyInjection;

namespace DistSgd.Grpc.Tests;

public sealed class CompressionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly EchoRequest Compressible = new() { Text = "x", Payload = ByteString.CopyFrom(new byte[200_000]), Responses = 3 };

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task Messages_CompressedBothWays_ComeBackAndAreSmallOnTheWire(string encoding)
    {
        using var wire = new CountingHandler();
        await using var host = await EchoHost.StartAsync(
            server: options => options.ResponseCompressionAlgorithm = encoding, client: new GrpcChannelOptions { HttpHandler = wire });
        using var call = host.Client.UnaryAsync(Compressible, new Metadata { { "grpc-internal-encoding-request", encoding } });
        Assert.Equal(Compressible.Payload, (await call.ResponseAsync.WaitAsync(Patience)).Payload);
        Assert.Equal((encoding, encoding, "identity,gzip,deflate"), (wire.RequestEncoding, wire.ResponseEncoding, wire.AcceptEncoding));
        Assert.InRange(wire.RequestBytes, 1, 5_000);
        Assert.InRange(wire.ResponseBytes, 1, 5_000);
        Assert.DoesNotContain(await call.ResponseHeadersAsync, entry => entry.Key.StartsWith("grpc-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Stream_NoCompressFlag_LeavesSingleMessagesPlain()
    {
        using var wire = new CountingHandler();
        await using var host = await EchoHost.StartAsync(client: new GrpcChannelOptions { HttpHandler = wire });
        using var call = host.Client.Collect(new Metadata { { "grpc-internal-encoding-request", "gzip" } });
        await call.RequestStream.WriteAsync(Compressible).WaitAsync(Patience);
        call.RequestStream.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
        await call.RequestStream.WriteAsync(Compressible).WaitAsync(Patience);
        call.RequestStream.WriteOptions = null;
        await call.RequestStream.WriteAsync(Compressible).WaitAsync(Patience);
        await call.RequestStream.CompleteAsync();
        Assert.Equal("x,x,x", (await call.ResponseAsync.WaitAsync(Patience)).Text);
        Assert.InRange(wire.RequestBytes, 200_000, 210_000);
    }

    [Fact]
    public async Task Server_NoCompressFlag_LeavesSingleMessagesPlain()
    {
        using var wire = new CountingHandler();
        await using var host = await EchoHost.StartAsync(
            server: options =>
            {
                options.ResponseCompressionAlgorithm = "gzip";
                options.ResponseCompressionLevel = CompressionLevel.Optimal;
                options.Interceptors.Add<AlternatingInterceptor>();
            },
            client: new GrpcChannelOptions { HttpHandler = wire });
        using var call = host.Client.Expand(Compressible);
        Assert.Equal(3, (await call.ResponseStream.ReadAllAsync().ToListAsync()).Count);
        Assert.InRange(wire.ResponseBytes, 200_000, 210_000);
    }

    [Fact]
    public async Task Response_ClientAcceptsOnlyIdentity_IsPlain()
    {
        using var wire = new CountingHandler();
        await using var host = await EchoHost.StartAsync(
            server: options => options.ResponseCompressionAlgorithm = "gzip",
            client: new GrpcChannelOptions { HttpHandler = wire, CompressionProviders = [] });
        Assert.Equal(Compressible.Payload, (await host.Client.UnaryAsync(Compressible).ResponseAsync.WaitAsync(Patience)).Payload);
        Assert.Equal((null, "identity"), (wire.ResponseEncoding, wire.AcceptEncoding));
        Assert.InRange(wire.ResponseBytes, 200_000, 210_000);
    }

    [Fact]
    public async Task Bomb_FromTheClient_IsStoppedAtTheLimit()
    {
        await using var host = await EchoHost.StartAsync(server: options => options.MaxReceiveMessageSize = 100_000);
        var call = host.Client.UnaryAsync(Compressible, new Metadata { { "grpc-internal-encoding-request", "gzip" } });
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        Assert.Contains("decompressed it has more than the limit of 100000 bytes", e.Status.Detail, StringComparison.Ordinal);
        Assert.False(host.Probe.Entered.Task.IsCompleted);
    }

    [Fact]
    public async Task Bomb_FromTheServer_IsStoppedAtTheLimit()
    {
        await using var host = await EchoHost.StartAsync(
            server: options => options.ResponseCompressionAlgorithm = "gzip", client: new GrpcChannelOptions { MaxReceiveMessageSize = 100_000 });
        var e = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(Compressible).ResponseAsync.WaitAsync(Patience));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
    }

    [Fact]
    public async Task Limit_OfExactlyTheMessage_LetsItThroughCompressed()
    {
        await using var host = await EchoHost.StartAsync(server: options => options.MaxReceiveMessageSize = Compressible.CalculateSize());
        await host.Client.UnaryAsync(Compressible, new Metadata { { "grpc-internal-encoding-request", "gzip" } }).ResponseAsync.WaitAsync(Patience);
        host.Probe.Release.TrySetResult();
    }

    [Fact]
    public async Task Encoding_UnknownToTheServer_IsUnimplementedAndTellsWhatIs()
    {
        await using var host = await EchoHost.StartAsync(client: new GrpcChannelOptions { CompressionProviders = [new NamedProvider("mine")] });
        var call = host.Client.UnaryAsync(Compressible, new Metadata { { "grpc-internal-encoding-request", "mine" } });
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Patience));
        Assert.Equal(new Status(StatusCode.Unimplemented, "The grpc-encoding 'mine' isn't supported; send one of identity,gzip,deflate."), e.Status);
    }

    [Fact]
    public async Task Provider_OfOnesOwn_IsUsedByBothSides()
    {
        await using var host = await EchoHost.StartAsync(
            server: options => options.CompressionProviders.Add(new NamedProvider("mine")),
            client: new GrpcChannelOptions { CompressionProviders = [new NamedProvider("mine")] });
        var call = host.Client.UnaryAsync(Compressible, new Metadata { { "grpc-internal-encoding-request", "mine" } });
        Assert.Equal(Compressible.Payload, (await call.ResponseAsync.WaitAsync(Patience)).Payload);
    }

    [Fact]
    public async Task Encoding_UnknownToTheChannel_IsRefusedAtOnce()
    {
        await using var host = await EchoHost.StartAsync();
        var e = Assert.Throws<InvalidOperationException>(() => host.Client.UnaryAsync(Compressible, new Metadata { { "grpc-internal-encoding-request", "br" } }));
        Assert.Contains("'br'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ResponseAlgorithm_WithoutProvider_IsRefusedWhenMapped()
    {
        var e = await Assert.ThrowsAsync<InvalidOperationException>(
            () => EchoHost.StartAsync(server: options => options.ResponseCompressionAlgorithm = "br"));
        Assert.Contains("'br'", e.Message, StringComparison.Ordinal);
    }

    /// <summary>Gzip under another name.</summary>
    private sealed class NamedProvider(string name) : ICompressionProvider
    {
        private readonly GzipCompressionProvider _gzip = new(CompressionLevel.Fastest);

        public string EncodingName => name;

        public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) => _gzip.CreateCompressionStream(stream, compressionLevel);

        public Stream CreateDecompressionStream(Stream stream) => _gzip.CreateDecompressionStream(stream);
    }

    /// <summary>Has the second of a stream's messages sent plain.</summary>
    private sealed class AlternatingInterceptor : global::Grpc.Core.Interceptors.Interceptor
    {
        public override Task ServerStreamingServerHandler<TRequest, TResponse>(
            TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
            continuation(request, new Writer<TResponse>(responseStream), context);

        private sealed class Writer<T>(IServerStreamWriter<T> inner) : IServerStreamWriter<T>
        {
            private int _written;

            public WriteOptions? WriteOptions { get; set; }

            public Task WriteAsync(T message)
            {
                inner.WriteOptions = _written++ == 1 ? new WriteOptions(WriteFlags.NoCompress) : WriteOptions.Default;
                return inner.WriteAsync(message);
            }
        }
    }

    /// <summary>Counts what bodies weigh and notes the encodings' headers.</summary>
    private sealed class CountingHandler() : DelegatingHandler(GrpcHttpHandler.Create())
    {
        private long _requestBytes;
        private long _responseBytes;

        public long RequestBytes => Interlocked.Read(ref _requestBytes);

        public long ResponseBytes => Interlocked.Read(ref _responseBytes);

        public string? RequestEncoding { get; private set; }

        public string? ResponseEncoding { get; private set; }

        public string? AcceptEncoding { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            RequestEncoding = Find(request.Headers, "grpc-encoding");
            AcceptEncoding = Find(request.Headers, "grpc-accept-encoding");
            request.Content = new CountingContent(request.Content!, bytes => Interlocked.Add(ref _requestBytes, bytes));
            var response = await base.SendAsync(request, cancellationToken);
            ResponseEncoding = Find(response.Headers, "grpc-encoding");
            response.Content = new CountingContent(response.Content, bytes => Interlocked.Add(ref _responseBytes, bytes));
            return response;
        }

        private static string? Find(HttpHeaders headers, string name) => headers.TryGetValues(name, out var values) ? string.Join(',', values) : null;
    }
}
