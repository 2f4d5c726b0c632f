using DistSgd.Shared.Exchange;
using DistSgd.Shared.Sharding;
using DistSgd.Shared.Wire;
using DistSgd.TestKit;
using Grpc.Core;
using ShardPlacement = DistSgd.Shared.Exchange.ShardPlacement;

namespace DistSgd.Shared.Tests;

/// <summary>For how long a stream's exchanges are tried: <see cref="GrpcClientOptions.RetryDeadline"/>, 30 s here, since the last sign of life.</summary>
public sealed class StreamQueueTests : IAsyncDisposable
{
    private const int PieceKeys = ParametersContract.ChunkBytes / sizeof(float);

    private static readonly Status Cut = new(StatusCode.Unavailable, "cut");
    private static readonly Status Busy = new(StatusCode.ResourceExhausted, "busy");

    private readonly ManualTime _time = new();
    private readonly GrpcParameterClient _client;
    private readonly StreamQueue _queue;
    private readonly ShardPlacement[] _placements = [new(0, new KeyRange(0, 3 * PieceKeys), "s:1")];
    private ulong _filled;
    private ulong _next = 1;

    public StreamQueueTests()
    {
        var options = new GrpcClientOptions { Time = _time };
        _client = new GrpcParameterClient("job", 1, _placements, options);
        _queue = new StreamQueue("s:1", options);
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    [Fact]
    public void WorkThatIsAnsweredBitByBit_AndThoseBehindIt_AreTriedAgainForTheWholeDeadline_AfterACut()
    {
        ExchangeRound first = Enqueue(), second = Enqueue();
        Fill();
        Answer(after: 25);
        Answer(after: 25);
        Pass(25);
        Break();
        Assert.True(first.IsLive && second.IsLive);
        // A second cut, as long after the first as the server had been silent before.
        Fill();
        Pass(4);
        Break();
        Assert.True(first.IsLive && second.IsLive);
        Pass(1);
        Break();
        Assert.False(first.IsLive || second.IsLive);
    }

    [Fact]
    public void WorkBehindOthers_HasTheWholeDeadline_AlsoAtASecondCut()
    {
        Enqueue();
        ExchangeRound second = Enqueue();
        Fill();
        Answer(after: 25);
        Break();
        Fill();
        Answer(after: 25);
        Answer(after: 25);
        Break();
        Assert.True(second.IsLive);
    }

    [Fact]
    public void WorkThatIsRefused_IsTriedForTheDeadline_WhateverElseIsAnswered()
    {
        ExchangeRound refused = Enqueue();
        Fill();
        Refuse();
        for (int i = 0; i < 2; i++)
        {
            Enqueue();
            Fill();
            Answer(after: 15);
            Answer(after: 0);
            Answer(after: 0);
            Assert.True(refused.IsLive);
            _queue.Add(refused.Works[0]);
            Fill();
            Refuse();
        }
        Assert.False(refused.IsLive);
    }

    private ExchangeRound Enqueue()
    {
        var round = new ExchangeRound(_client, _placements, new KeyFloats(1, 1, 1));
        round.Begin(new ParameterExchange(1) { PullKeys = KeySet.Range(0, 3 * PieceKeys), Pulled = new float[3 * PieceKeys] }, _time.GetTimestamp(), CancellationToken.None);
        Assert.True(_queue.Add(round.Works[0]));
        return round;
    }

    private void Fill()
    {
        if (!_queue.HasSent)
            _queue.Connected(new StreamCredit(100, 1 << 30, 0, 0, 1 << 20));
        var message = new OutgoingExchanges();
        while (_queue.Fill(message))
        {
            _filled += (ulong)message.Count;
            _queue.LeaveFilled();
            message.Clear();
        }
    }

    private void Break()
    {
        _queue.Broken(Cut, isClosing: false);
        _next = _filled + 1;
    }

    private void Answer(int after)
    {
        Pass(after);
        Assert.True(_queue.TakeAnswer(_next++, ParametersContract.ChunkBytes, out SentPiece sent));
        StreamQueue.Done(sent, 1, duplicate: false);
    }

    // One piece's refusal takes the others of its work along.
    private void Refuse()
    {
        for (int piece = 0; piece < 3; piece++)
            _queue.TakeRefusal(_next++, Busy);
    }

    private void Pass(int seconds) => _time.Advance(TimeSpan.FromSeconds(seconds));
}
