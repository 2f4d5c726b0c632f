using DistSgd.Protos.V1;
using Grpc.Core;

namespace DistSgd.ParamServer.Tests.Services;

/// <summary>A stream, frame by frame.</summary>
internal sealed class Talk(RunningJob server) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly AsyncDuplexStreamingCall<ClientFrames, ServerFrames> _call = new Parameters.ParametersClient(server.Channel).Exchange();
    private readonly Queue<ServerFrame> _read = new();

    public static async Task<Talk> StartAsync(RunningJob server, string job = "job")
    {
        var talk = new Talk(server);
        await talk.SendAsync(new ClientFrame { Hello = new Hello { Job = job, Version = 1 } });
        Assert.NotNull((await talk.ReadAsync()).Welcome);
        return talk;
    }

    public Task SendAsync(params ClientFrame[] frames) => _call.RequestStream.WriteAsync(new ClientFrames { Frames = { frames } }).WaitAsync(Patience);

    public async Task<ServerFrame> ReadAsync()
    {
        while (_read.Count == 0)
        {
            Assert.True(await _call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience), "the stream has ended");
            foreach (ServerFrame frame in _call.ResponseStream.Current.Frames)
                _read.Enqueue(frame);
        }
        return _read.Dequeue();
    }

    /// <summary>Sees that a frame is a refusal of an exchange.</summary>
    public static void AssertRefused(ServerFrame frame, ulong id, StatusCode code, string says)
    {
        Assert.True(frame.Refusal is not null, $"{says}: {frame}");
        Assert.Equal((id, code), (frame.Refusal.Id, (StatusCode)frame.Refusal.Code));
        Assert.Contains(says, frame.Refusal.Message, StringComparison.Ordinal);
    }

    public ValueTask DisposeAsync()
    {
        _call.Dispose();
        return ValueTask.CompletedTask;
    }
}
