using System.Diagnostics;
using DistSgd.Worker;

namespace DistSgd.Trainer.Embedded;

/// <summary>
/// Where the threads of an embedded training meet at the end of an epoch: the last to come evaluates while the others wait, so that the
/// evaluation sees every push of the epoch and none of the next.
/// </summary>
/// <param name="threads">How many meet.</param>
/// <param name="epochDone">Called by the last.</param>
internal sealed class EpochBarrier(int threads, Func<EpochSummary, CancellationToken, Task> epochDone) : ITrainingObserver
{
    // Runs while threads train; touched by the last to come only.
    private readonly Stopwatch _training = Stopwatch.StartNew();
    private readonly Lock _gate = new();

    // All under _gate.
    private TaskCompletionSource _opened = NewGate();
    private int _arrived;
    private long _rows;
    private long _rowsBefore;
    private double _lossSum;

    public async ValueTask<bool> EpochDoneAsync(EpochReport report, CancellationToken cancellationToken)
    {
        TaskCompletionSource gate;
        bool last;
        lock (_gate)
        {
            gate = _opened;
            _rows += report.Rows;
            _lossSum += report.LossSum;
            last = ++_arrived == threads;
        }
        if (!last)
        {
            await gate.Task.WaitAsync(cancellationToken);
            return true;
        }
        EpochSummary summary;
        lock (_gate)
        {
            _training.Stop();
            summary = new EpochSummary(report.EpochsDone, _rows, _lossSum, _rowsBefore + _rows, _training.Elapsed.TotalSeconds);
            _rowsBefore += _rows;
            (_arrived, _rows, _lossSum, _opened) = (0, 0, 0, NewGate());
        }
        await epochDone(summary, cancellationToken);
        _training.Start();
        gate.SetResult();
        return true;
    }

    private static TaskCompletionSource NewGate() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
