using System.Buffers;
using DistSgd.ParamServer.Services;
using DistSgd.ParamServer.Shards;
using DistSgd.Protos.V1;
using DistSgd.Shared.Sharding;
using DistSgd.Shared.Wire;
using DistSgd.TestKit;
using Google.Protobuf;
using Grpc.Core;
using ShardPlacement = DistSgd.Shared.Exchange.ShardPlacement;
using Wire = DistSgd.Protos.V1;

namespace DistSgd.ParamServer.Tests.Services;

/// <summary>An exchange's own time limit on a stream, whose turn waits for answers that are read slowly.</summary>
public sealed class StreamDeadlineTests
{
    private const int Features = 131_072;

    [Fact]
    public void ExchangeWhoseTurnComesTooLate_IsRefusedAndNotDone_AndItsNeighboursAre()
    {
        var shards = new ShardRegistry(1 << 20);
        var job = Jobs.Make(Features);
        shards.Activate(job, [new ShardPlacement(0, new KeyRange(0, job.KeyCount), "")]);
        var time = new ManualTime();
        using var session = new StreamSession(shards, new StreamBudget(new ServerLimits(), time), time);
        var reader = new SlowReader(time, new ClientFrames
        {
            Frames =
            {
                new ClientFrame { Hello = new Hello { Job = "job", Version = 1 } },
                new ClientFrame { Exchange = new StreamExchange { Id = 1, TimeoutMs = 50, Pull = new Pull { Keys = new Wire.ShardKeys { Count = Features } } } },
                new ClientFrame { Exchange = new StreamExchange { Id = 2, TimeoutMs = 50, Push = One(sequence: 1) } },
                new ClientFrame { Exchange = new StreamExchange { Id = 3, TimeoutMs = 500, Push = One(sequence: 2) } },
                new ClientFrame { Exchange = new StreamExchange { Id = 4, Push = One(sequence: 3) } },
            },
        });
        Task run = session.RunAsync(reader, reader, CancellationToken.None);
        Assert.True(run.IsCompletedSuccessfully, run.Exception?.ToString());

        ServerFrame[] answers = [.. reader.Answers];
        Assert.Equal([ServerFrame.FrameOneofCase.Welcome, ServerFrame.FrameOneofCase.Answer, ServerFrame.FrameOneofCase.Refusal, ServerFrame.FrameOneofCase.Answer, ServerFrame.FrameOneofCase.Answer], answers.Select(answer => answer.FrameCase));
        Assert.Equal((2u, (uint)StatusCode.DeadlineExceeded), ((uint)answers[2].Refusal.Id, answers[2].Refusal.Code));
        Assert.Contains("didn't come within its 50 ms; nothing was done", answers[2].Refusal.Message, StringComparison.Ordinal);
        var value = new float[1];
        shards.Find("job", 0).Pull(DistSgd.ParamServer.Shards.ShardKeys.Range(0, 1), DistSgd.Shared.Exchange.PullPart.Values, value);
        Assert.Equal(2, value[0]);
    }

    private static Push One(ulong sequence) => new()
    {
        Name = new Wire.PushName { Source = 1, Sequence = sequence },
        Kind = Wire.PushKind.Delta,
        Keys = new Wire.ShardKeys { Count = 1 },
        Values = ByteString.CopyFrom(BitConverter.GetBytes(1f)),
    };

    /// <summary>Sends one message, and takes 100 ms for each message of answers.</summary>
    private sealed class SlowReader(ManualTime time, ClientFrames message) : DeserializationContext, IAsyncStreamReader<IncomingFrames>, IServerStreamWriter<OutgoingFrames>
    {
        private readonly byte[] _message = message.ToByteArray();
        private bool _isSent;

        public List<ServerFrame> Answers { get; } = [];

        public WriteOptions? WriteOptions { get; set; }

        public override int PayloadLength => _message.Length;

        public IncomingFrames Current => IncomingFrames.Deserialize(this);

        public Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            bool isFirst = !_isSent;
            _isSent = true;
            return Task.FromResult(isFirst);
        }

        public Task WriteAsync(OutgoingFrames message)
        {
            Answers.AddRange(Wire.ServerFrames.Parser.ParseFrom(message.Written).Frames);
            time.Advance(TimeSpan.FromMilliseconds(100));
            return Task.CompletedTask;
        }

        public override byte[] PayloadAsNewBuffer() => throw new NotSupportedException();

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(_message);
    }
}
