using System.Runtime.Intrinsics.X86;

namespace DistSgd.Kernels.Matrix;

/// <summary>
/// A fixed number of threads that compute one product together, each a part of its rows or columns; the bits are those of one thread. One product at
/// a time; the caller's thread is one of the team. Small products the caller computes alone. An idle thread looks out for the next product for
/// some ten microseconds without leaving its processor, then sleeps.
/// </summary>
public sealed unsafe class MatrixTeam : IDisposable
{
    private const int PanelColumns = 32;
    private const int PanelsEach = 8;
    private const int TileRows = 24; // a multiple of every form's tile
    private const int LooksMax = 1000;

    private const long AloneMax = 1 << 20; // multiply-adds that one thread does sooner than others can be woken

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _wakes;

    // 1: the thread sleeps or is about to, and whoever makes it 0 wakes it, or is itself that thread.
    private readonly int[] _asleep;
    private ProductTask _task;
    private KernelForm _form;
    private bool _byColumns;
    private int _parts;
    private bool _ended;

    // All of the above is written by the caller before it raises this, and read by the threads after they saw it raised.
    private int _round;

    // Counted down by the threads, waited for by the caller: 0 when every other part is done.
    private int _left;

    /// <summary>Starts the threads.</summary>
    /// <param name="threads">Threads with the caller's; 1 to 256.</param>
    /// <exception cref="ArgumentOutOfRangeException">Fewer or more.</exception>
    public MatrixTeam(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, 256);
        _wakes = [.. Enumerable.Range(1, threads - 1).Select(_ => new SemaphoreSlim(0))];
        _asleep = new int[threads - 1];
        _threads = [.. Enumerable.Range(1, threads - 1).Select(part => new Thread(() => Work(part)) { IsBackground = true, Name = "matrix team" })];
        foreach (var thread in _threads) thread.Start();
    }

    /// <summary>Threads with the caller's.</summary>
    public int Threads => _threads.Length + 1;

    /// <summary>C = A·B, as <see cref="MatrixProduct.Set(ReadOnlyMatrixSpan, ReadOnlyMatrixSpan, MatrixSpan)"/>.</summary>
    public void Set(ReadOnlyMatrixSpan a, ReadOnlyMatrixSpan b, MatrixSpan c) => MatrixProduct.Run(KernelForms.Best, a, b, c, [], ChainStart.Zero, this);

    /// <summary>C = 1·bias + A·B, as <see cref="MatrixProduct.Set(ReadOnlyMatrixSpan, ReadOnlyMatrixSpan, ReadOnlySpan{float}, MatrixSpan)"/>.</summary>
    public void Set(ReadOnlyMatrixSpan a, ReadOnlyMatrixSpan b, ReadOnlySpan<float> bias, MatrixSpan c) =>
        MatrixProduct.Run(KernelForms.Best, a, b, c, bias, ChainStart.Bias, this);

    /// <summary>C = C + A·B, as <see cref="MatrixProduct.Add"/>.</summary>
    public void Add(ReadOnlyMatrixSpan a, ReadOnlyMatrixSpan b, MatrixSpan c) => MatrixProduct.Run(KernelForms.Best, a, b, c, [], ChainStart.Present, this);

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        if (_ended) return;
        _ended = true;
        Begin();
        foreach (var thread in _threads) thread.Join();
        foreach (var wake in _wakes) wake.Dispose();
    }

    internal void Run(KernelForm form, in ProductTask task)
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        if ((long)task.Rows * task.Columns * task.Depth <= AloneMax)
        {
            MatrixProduct.Run(form, task);
            return;
        }

        var panels = (task.Columns + PanelColumns - 1) / PanelColumns;
        // Who has some of the columns packs no others; among many panels one more or less hardly counts.
        _byColumns = panels % Threads == 0 || panels >= PanelsEach * Threads;
        _parts = Math.Min(Threads, _byColumns ? panels : (task.Rows + TileRows - 1) / TileRows);
        (_task, _form) = (task, form);
        Volatile.Write(ref _left, _threads.Length);
        Begin();
        RunPart(0);
        for (var looks = 0; looks < LooksMax && Volatile.Read(ref _left) > 0; looks++) Pause();
        var spin = default(SpinWait);
        while (Volatile.Read(ref _left) > 0) spin.SpinOnce(-1);
    }

    private void Begin()
    {
        Interlocked.Increment(ref _round);
        for (var i = 0; i < _wakes.Length; i++)
        {
            if (Volatile.Read(ref _asleep[i]) == 1 && Interlocked.Exchange(ref _asleep[i], 0) == 1) _wakes[i].Release();
        }
    }

    private void RunPart(int part)
    {
        if (part >= _parts) return;
        if (_byColumns)
        {
            var (first, end) = (Cut(_task.Columns, PanelColumns, part), Cut(_task.Columns, PanelColumns, part + 1));
            MatrixProduct.Run(_form, _task.PartOfColumns(first, end - first));
        }
        else
        {
            var (first, end) = (Cut(_task.Rows, TileRows, part), Cut(_task.Rows, TileRows, part + 1));
            MatrixProduct.Run(_form, _task.PartOfRows(first, end - first));
        }
    }

    // Parts begin at multiples of the unit and differ by one unit at most.
    private int Cut(int length, int unit, int part)
    {
        var units = (length + unit - 1) / unit;
        return Math.Min(length, (int)((long)units * part / _parts) * unit);
    }

    private void Work(int part)
    {
        for (var seen = 0; ; seen++)
        {
            WaitForRound(part - 1, seen);
            if (_ended) return;
            RunPart(part);
            Interlocked.Decrement(ref _left);
        }
    }

    // Between two looks, on the processor: a system call would take longer than the other part of a product.
    private static void Pause()
    {
        if (X86Base.IsSupported) X86Base.Pause();
    }

    private void WaitForRound(int thread, int seen)
    {
        for (var looks = 0; looks < LooksMax; looks++)
        {
            if (Volatile.Read(ref _round) != seen) return;
            Pause();
        }

        Interlocked.Exchange(ref _asleep[thread], 1);
        // A round that began before the line above woke nobody: then this thread goes on, unless the caller is just waking it.
        if (Volatile.Read(ref _round) == seen || Interlocked.Exchange(ref _asleep[thread], 0) == 0) _wakes[thread].Wait(Timeout.Infinite);
    }
}
