using DistSgd.Cli;
using DistSgd.Shared.CommandLine;

Interruption.Begin();
return await CommandTree.RunAsync(args, Console.Out, Console.Error);
