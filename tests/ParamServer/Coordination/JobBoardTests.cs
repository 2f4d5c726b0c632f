using DistSgd.ParamServer.Coordination;
using DistSgd.Protos.V1;

namespace DistSgd.ParamServer.Tests.Coordination;

public sealed class JobBoardTests
{
    private static readonly DateTimeOffset Start = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan HeartbeatMax = TimeSpan.FromSeconds(10);

    [Fact]
    public void Assign_EachPartition_IsGivenOnceUnderItsOwnLease()
    {
        var board = new JobBoard(4, HeartbeatMax);
        board.Begin(Spec("a", 2), [], Start);
        board.Begin(Spec("b", 1), [], Start);
        Assignment[] given = [.. Enumerable.Range(0, 3).Select(i => board.Assign($"w{i}", (uint)i, Start)!)];
        Assert.Equal((("a", 0), ("a", 1), ("b", 0)), (Place(given[0]), Place(given[1]), Place(given[2])));
        Assert.Equal(3, given.Select(assignment => assignment.Lease).Distinct().Count());
        Assert.Null(board.Assign("w3", 3, Start));

        static (string, int) Place(Assignment assignment) => (assignment.Spec.Job, assignment.Partition);
    }

    [Fact]
    public void Job_WhoseLeaderFellSilent_EndsAndTakesNoWorkerFromTheNext()
    {
        var board = new JobBoard(4, HeartbeatMax);
        board.Begin(Spec("left", 2), [], Start);
        Assignment orphan = board.Assign("w0", 1, Start)!;
        board.Describe("left", Start);
        var report = new ReportRequest { Job = "left", Partition = (uint)orphan.Partition, Lease = orphan.Lease };
        Assert.False(board.Report(report, Start + HeartbeatMax * 6).Stop);
        DateTimeOffset late = Start + HeartbeatMax * 6 + TimeSpan.FromMilliseconds(1);
        board.Begin(Spec("next", 1), [], late);
        Assert.True(board.Report(report, late).Stop);
        Assert.Contains("the leader of job 'left' was not heard of for", board.Report(report, late).Lost, StringComparison.Ordinal);
        Assert.Equal("next", board.Assign("w1", 2, late)!.Spec.Job);
    }

    [Fact]
    public void Sweep_EndsAJobWhoseLeaderNeverWatched_WithoutAnyWorkerAsking()
    {
        var board = new JobBoard(1, HeartbeatMax);
        board.Begin(Spec("left", 2), [], Start);
        Assert.False(board.Sweep(Start + HeartbeatMax * 6));
        Assert.True(board.Sweep(Start + HeartbeatMax * 6 + TimeSpan.FromMilliseconds(1)));
        Assert.Null(board.Change("left"));
        board.Begin(Spec("next", 1), [], Start);
    }

    [Fact]
    public void Board_TellsEachEventOnce()
    {
        var told = new List<string>();
        var board = new JobBoard(4, HeartbeatMax, told.Add);
        board.Begin(Spec("a", 3), [new ShardPlacement { Server = "x:1" }, new ShardPlacement { Server = "x:1" }], Start);
        board.Begin(Spec("a", 3), [], Start);
        ReportRequest first = Report("a", 0, board.Assign("w0", 1, Start)!.Lease), second = Report("a", 1, board.Assign("w1", 2, Start)!.Lease);
        ReportRequest third = Report("a", 2, board.Assign("w2", 3, Start)!.Lease);
        for (int seconds = 0; seconds <= 30; seconds++)
        {
            DateTimeOffset now = Start + TimeSpan.FromSeconds(seconds);
            board.Describe("a", now);
            if (seconds is < 5 or > 20)
                board.Report(first, now);
            board.Report(second.Clone(), now);
            board.Sweep(now);
            (second.Finished, second.Pushes) = (seconds >= 3, 1234);
            third.Failure = seconds == 8 ? "no\nfile" : third.Failure;
            board.Report(third.Clone(), now);
        }
        board.End("a");
        board.End("a");
        Assert.Equal(
            ["job 'a' begun: 2 shards on 1 server; it waits for 3 workers",
             "job 'a' partition 1 of 3: worker w0 takes it", "job 'a' partition 2 of 3: worker w1 takes it", "job 'a' partition 3 of 3: worker w2 takes it",
             "job 'a' partition 2 of 3: worker w1 finished after 1,234 pushes",
             "job 'a' partition 3 of 3: worker w2 gave up: no\nfile",
             "job 'a' partition 1 of 3: worker w0 is lost, silent for 11 s",
             "job 'a' partition 1 of 3: worker w0 is heard of again",
             "job 'a' ended by its leader: 1 of 3 partitions finished"], told);
    }

    [Fact]
    public void Assign_WithoutJobs_GivesNothing() => Assert.Null(new JobBoard(1, HeartbeatMax).Assign("w", 1, Start));

    [Fact]
    public void Begin_AgainWithTheSameSpec_HasNoEffect()
    {
        var board = new JobBoard(1, HeartbeatMax);
        board.Begin(Spec("a", 1), [], Start);
        Assert.NotNull(board.Assign("w", 1, Start));
        board.Begin(Spec("a", 1), [], Start);
        Assert.Null(board.Assign("w", 1, Start));
    }

    [Fact]
    public void Begin_AnotherJobOfThatNameOrTooMany_IsRefused()
    {
        var board = new JobBoard(jobsMax: 1, HeartbeatMax);
        board.Begin(Spec("a", 1), [], Start);
        Assert.Contains("'a'", Assert.Throws<InvalidOperationException>(() => board.Begin(Spec("a", 2), [], Start)).Message, StringComparison.Ordinal);
        Assert.Contains("1 jobs", Assert.Throws<InvalidOperationException>(() => board.Begin(Spec("b", 1), [], Start)).Message, StringComparison.Ordinal);
        board.End("a");
        board.Begin(Spec("b", 1), [], Start);
    }

    [Fact]
    public void Report_OfTheLeaseHolder_GoesOn_OfAnybodyElse_Stops()
    {
        var board = new JobBoard(1, HeartbeatMax);
        board.Begin(Spec("a", 1), [], Start);
        ulong lease = board.Assign("w", 1, Start)!.Lease;
        Assert.False(board.Report(Report("a", 0, lease), Start).Stop);
        Assert.True(board.Report(Report("a", 0, lease + 1), Start).Stop);
        Assert.True(board.Report(Report("a", 1, lease), Start).Stop);
        Assert.True(board.Report(Report("a", uint.MaxValue, lease), Start).Stop);
        Assert.True(board.Report(Report("b", 0, lease), Start).Stop);
        Assert.Contains("job 'b' isn't known here any more", board.Report(Report("b", 0, lease), Start).Lost, StringComparison.Ordinal);
    }

    [Fact]
    public void Report_CountsTheWorkersThatAreNotReady()
    {
        var board = new JobBoard(1, HeartbeatMax);
        board.Begin(Spec("a", 2), [], Start);
        ReportRequest first = Report("a", 0, board.Assign("w0", 1, Start)!.Lease);
        Assert.Equal(2u, board.Report(first, Start).Awaited);
        first.Ready = true;
        Assert.Equal(1u, board.Report(first, Start).Awaited);
        ReportRequest second = Report("a", 1, board.Assign("w1", 2, Start)!.Lease);
        second.Ready = true;
        Assert.Equal(0u, board.Report(second, Start).Awaited);
    }

    [Fact]
    public void Report_DoesNotAwaitWorkersThatAreDone_InWhateverEpoch()
    {
        // Seconds or steps ended the second in epoch 2; the first has gone on to 3.
        var board = new JobBoard(1, HeartbeatMax);
        board.Begin(Spec("a", 2), [], Start);
        ReportRequest first = Report("a", 0, board.Assign("w0", 1, Start)!.Lease), second = Report("a", 1, board.Assign("w1", 2, Start)!.Lease);
        (first.Ready, first.EpochsDone, second.Ready, second.EpochsDone) = (true, 3, true, 2);
        board.Report(second, Start);
        Assert.Equal(1u, board.Report(first, Start).Awaited);
        second.Finished = true;
        board.Report(second, Start);
        Assert.Equal(0u, board.Report(first, Start).Awaited);
    }

    [Fact]
    public void Report_AfterTheEnd_Stops()
    {
        var board = new JobBoard(1, HeartbeatMax);
        board.Begin(Spec("a", 1), [], Start);
        ulong lease = board.Assign("w", 1, Start)!.Lease;
        board.End("a");
        Assert.True(board.Report(Report("a", 0, lease), Start).Stop);
        Assert.Equal("", board.Report(Report("a", 0, lease), Start).Lost);
        Assert.Null(board.Change("a"));
        board.End("a");
    }

    [Fact]
    public void End_WithTheReasonOfALoss_TellsItToEachWorker_CutToItsBound()
    {
        var told = new List<string>();
        var board = new JobBoard(1, HeartbeatMax, told.Add);
        board.Begin(Spec("a", 2), [], Start);
        ulong[] leases = [board.Assign("w0", 1, Start)!.Lease, board.Assign("w1", 2, Start)!.Lease];
        board.End("a", $"its leader gave up{new string('!', 2000)}");
        string lost = $"its leader gave up{new string('!', 982)}";
        for (uint i = 0; i < 2; i++)
            Assert.Equal((true, lost), (board.Report(Report("a", i, leases[i]), Start).Stop, board.Report(Report("a", i, leases[i]), Start).Lost));
        Assert.Equal($"job 'a' ended by its leader: 0 of 2 partitions finished; it did not end well: {lost}", told[^1]);
    }

    [Fact]
    public void Describe_WorkerSilentForLongerThanItsHeartbeat_IsLostUntilItIsHeardAgain()
    {
        var board = new JobBoard(1, HeartbeatMax);
        board.Begin(Spec("a", 2), [], Start);
        ulong lease = board.Assign("w", 42, Start)!.Lease;
        board.Report(Report("a", 0, lease), Start + TimeSpan.FromSeconds(1));
        WorkerState atTheBound = board.Describe("a", Start + TimeSpan.FromSeconds(11)).Workers[0];
        Assert.Equal(("w", 42u, 10_000ul, false), (atTheBound.Worker, atTheBound.ProcessId, atTheBound.SilentMs, atTheBound.Lost));
        Assert.True(board.Describe("a", Start + TimeSpan.FromSeconds(11.001)).Workers[0].Lost);
        Assert.False(board.Report(Report("a", 0, lease), Start + TimeSpan.FromSeconds(12)).Stop);
        Assert.False(board.Describe("a", Start + TimeSpan.FromSeconds(12)).Workers[0].Lost);
        WorkerState free = board.Describe("a", Start).Workers[1];
        Assert.Equal(("", false), (free.Worker, free.Lost));
    }

    [Fact]
    public void Describe_FinishedWorker_IsNeverLost_AndOneThatGaveUp_IsAtOnce()
    {
        var board = new JobBoard(1, HeartbeatMax);
        board.Begin(Spec("a", 2), [], Start);
        ReportRequest finished = Report("a", 0, board.Assign("w0", 1, Start)!.Lease);
        ReportRequest failed = Report("a", 1, board.Assign("w1", 2, Start)!.Lease);
        (finished.Finished, failed.Failure) = (true, "no such file");
        board.Report(finished, Start);
        board.Report(failed, Start);
        WatchJobResponse state = board.Describe("a", Start + TimeSpan.FromHours(1));
        Assert.False(state.Workers[0].Lost);
        Assert.True(board.Describe("a", Start).Workers[1].Lost);
        Assert.Equal("no such file", state.Workers[1].Report.Failure);
    }

    [Fact]
    public void Change_WhatALeaderWaitsFor_IsCounted_HeartbeatsAreNot()
    {
        var board = new JobBoard(1, HeartbeatMax);
        board.Begin(Spec("a", 1), [], Start);
        Assert.Equal(1ul, board.Change("a"));
        ulong lease = board.Assign("w", 1, Start)!.Lease;
        Assert.Equal(2ul, board.Change("a"));
        board.Report(Report("a", 0, lease), Start);
        Assert.Equal(3ul, board.Change("a"));
        board.Report(Report("a", 0, lease), Start);
        Assert.Equal(3ul, board.Change("a"));
        ReportRequest epoch = Report("a", 0, lease);
        epoch.EpochsDone = 1;
        board.Report(epoch, Start);
        Assert.Equal(4ul, board.Change("a"));
        board.Report(Report("a", 0, lease + 7), Start);
        Assert.Equal(4ul, board.Change("a"));
        Assert.Null(board.Change("b"));
    }

    private static JobSpec Spec(string job, uint partitions) => new() { Job = job, Partitions = partitions };

    private static ReportRequest Report(string job, uint partition, ulong lease) => new() { Job = job, Partition = partition, Lease = lease };
}
