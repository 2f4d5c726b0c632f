using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Connections;

namespace DistSgd.Grpc.Tests;

/// <summary>What the service under test lets a test see and hold.</summary>
internal sealed class EchoProbe
{
    public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Release { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ServerCallContext? Context { get; set; }

    // What the context says only while the call lasts.
    public string? Peer { get; set; }

    public string? Host { get; set; }

    public AuthContext? AuthContext { get; set; }

    public Metadata? Headers { get; set; }
}

/// <summary>Echoes; the request's behavior names what it does besides.</summary>
internal sealed class EchoService(EchoProbe probe) : Echo.EchoBase
{
    public override async Task<EchoReply> Unary(EchoRequest request, ServerCallContext context)
    {
        await BehaveAsync(request, context);
        return new EchoReply { Text = request.Text, Payload = request.Payload };
    }

    public override async Task<EchoReply> Collect(IAsyncStreamReader<EchoRequest> requestStream, ServerCallContext context)
    {
        var texts = new List<string>();
        await foreach (var request in requestStream.ReadAllAsync())
        {
            await BehaveAsync(request, context);
            texts.Add(request.Text);
        }
        return new EchoReply { Text = string.Join(',', texts) };
    }

    public override async Task Expand(EchoRequest request, IServerStreamWriter<EchoReply> responseStream, ServerCallContext context)
    {
        for (var i = 0; i < request.Responses; i++)
            await responseStream.WriteAsync(new EchoReply { Text = request.Text, Payload = request.Payload, Index = i });
        await BehaveAsync(request, context);
    }

    public override async Task Chat(
        IAsyncStreamReader<EchoRequest> requestStream, IServerStreamWriter<EchoReply> responseStream, ServerCallContext context)
    {
        var index = 0;
        while (await requestStream.MoveNext())
        {
            await BehaveAsync(requestStream.Current, context);
            await responseStream.WriteAsync(new EchoReply { Text = requestStream.Current.Text, Payload = requestStream.Current.Payload, Index = index++ });
        }
    }

    private async Task BehaveAsync(EchoRequest request, ServerCallContext context)
    {
        (probe.Context, probe.Headers) = (context, context.RequestHeaders);
        (probe.Peer, probe.Host, probe.AuthContext) = (context.Peer, context.Host, context.AuthContext);
        probe.Entered.TrySetResult();
        switch (request.Behavior)
        {
            case "":
                return;
            case "throw":
                throw new InvalidOperationException("secret detail");
            case "status":
                throw new RpcException(
                    new Status(StatusCode.FailedPrecondition, request.Text), new Metadata { { "why", "because" }, { "raw-bin", [0, 255, 1] } });
            case "set-status":
                context.Status = new Status(StatusCode.DataLoss, request.Text);
                return;
            case "metadata":
                await EchoMetadataAsync(context);
                return;
            case "reserved-trailers":
                context.ResponseTrailers.Add("grpc-status", "0");
                return;
            case "wait-for-token":
                using (context.CancellationToken.Register(() => probe.Cancelled.TrySetResult()))
                    await Task.Delay(Timeout.Infinite, context.CancellationToken);
                return;
            case "hear-of-a-reset":
                throw new TaskCanceledException("The request was aborted", new ConnectionAbortedException());
            case "hang":
                await probe.Release.Task;
                return;
            case "null":
                return;
            default:
                throw new ArgumentException($"Unknown behavior {request.Behavior}.");
        }
    }

    private static async Task EchoMetadataAsync(ServerCallContext context)
    {
        var headers = new Metadata();
        foreach (var entry in context.RequestHeaders.Where(entry => entry.Key.StartsWith("echo-", StringComparison.Ordinal)))
        {
            headers.Add(entry);
            context.ResponseTrailers.Add(entry);
        }
        await context.WriteResponseHeadersAsync(headers);
    }
}
