using Grpc.Core;

namespace DistSgd.Interop.Tests;

/// <summary>The interop service, with raw bytes as messages: the same methods and behaviors as python/server.py.</summary>
[BindServiceMethod(typeof(BytesService), nameof(Bind))]
internal class BytesService(BytesProbe probe)
{
    private const string ServiceName = "distsgd.interop.Bytes";

    private static readonly Marshaller<byte[]> Raw = Marshallers.Create(bytes => bytes, bytes => bytes);

    public static Method<byte[], byte[]> UnaryMethod { get; } = new(MethodType.Unary, ServiceName, nameof(Unary), Raw, Raw);

    public static Method<byte[], byte[]> CollectMethod { get; } = new(MethodType.ClientStreaming, ServiceName, nameof(Collect), Raw, Raw);

    public static Method<byte[], byte[]> ExpandMethod { get; } = new(MethodType.ServerStreaming, ServiceName, nameof(Expand), Raw, Raw);

    public static Method<byte[], byte[]> ChatMethod { get; } = new(MethodType.DuplexStreaming, ServiceName, nameof(Chat), Raw, Raw);

    public static void Bind(ServiceBinderBase binder, BytesService? service)
    {
        binder.AddMethod(UnaryMethod, service is null ? null : new UnaryServerMethod<byte[], byte[]>(service.Unary));
        binder.AddMethod(CollectMethod, service is null ? null : new ClientStreamingServerMethod<byte[], byte[]>(service.Collect));
        binder.AddMethod(ExpandMethod, service is null ? null : new ServerStreamingServerMethod<byte[], byte[]>(service.Expand));
        binder.AddMethod(ChatMethod, service is null ? null : new DuplexStreamingServerMethod<byte[], byte[]>(service.Chat));
    }

    public virtual async Task<byte[]> Unary(byte[] request, ServerCallContext context) => await BehaveAsync(context) ?? request;

    public virtual async Task<byte[]> Collect(IAsyncStreamReader<byte[]> requestStream, ServerCallContext context)
    {
        var sizes = new List<int>();
        await foreach (var request in requestStream.ReadAllAsync())
            sizes.Add(request.Length);
        await BehaveAsync(context);
        return System.Text.Encoding.UTF8.GetBytes(string.Join(',', sizes));
    }

    public virtual async Task Expand(byte[] request, IServerStreamWriter<byte[]> responseStream, ServerCallContext context)
    {
        var count = int.Parse(System.Text.Encoding.UTF8.GetString(request));
        for (var i = 0; i < count; i++)
            await responseStream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(i.ToString()));
        await BehaveAsync(context);
    }

    public virtual async Task Chat(IAsyncStreamReader<byte[]> requestStream, IServerStreamWriter<byte[]> responseStream, ServerCallContext context)
    {
        await foreach (var request in requestStream.ReadAllAsync())
        {
            await BehaveAsync(context);
            await responseStream.WriteAsync(request);
        }
    }

    private async Task<byte[]?> BehaveAsync(ServerCallContext context)
    {
        switch (context.RequestHeaders.GetValue("behavior"))
        {
            case "metadata":
                var echoed = new Metadata();
                foreach (var entry in context.RequestHeaders.Where(entry => entry.Key.StartsWith("echo-", StringComparison.Ordinal)))
                {
                    echoed.Add(entry);
                    context.ResponseTrailers.Add(entry);
                }
                await context.WriteResponseHeadersAsync(echoed);
                return null;
            case "compress":
                await context.WriteResponseHeadersAsync(new Metadata { { "grpc-internal-encoding-request", "gzip" } });
                return null;
            case "status":
                throw new RpcException(
                    new Status(StatusCode.FailedPrecondition, "50 % of τ\n"), new Metadata { { "why", "because" }, { "raw-bin", [0, 255, 1] } });
            case "throw":
                throw new InvalidOperationException("thrown");
            case "hang":
                await probe.Release.Task;
                return null;
            case "wait":
                using (context.CancellationToken.Register(() => probe.Cancelled.TrySetResult()))
                    await Task.Delay(Timeout.Infinite, context.CancellationToken);
                return null;
            case "remaining":
                return System.Text.Encoding.UTF8.GetBytes((context.Deadline - DateTime.UtcNow).TotalSeconds.ToString());
            case "was-cancelled":
                await probe.Cancelled.Task;
                return "yes"u8.ToArray();
            default:
                return null;
        }
    }
}

/// <summary>What the service lets a test hold and see.</summary>
internal sealed class BytesProbe
{
    public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Release { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
